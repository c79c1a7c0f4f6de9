/** Small multiples: a panel for each kind of cost, a line for each curve. */
import { escaped, page } from '../svg.mjs';
import { shown } from './fit.mjs';

const colours = ['#0d9488', '#7c3aed', '#d97706', '#64748b'];
const ink = { title: '#0f172a', text: '#334155', grid: '#e2e8f0', missed: '#b91c1c' };
const columns = 2;
const margin = 20;
const panelSize = { width: 486, gap: 26 };
const plot = { left: 58, top: 44, width: 400, height: 150 };
const legendHeight = 17;
const linesMax = 5;
const panelHeight = plot.top + plot.height + 44 + linesMax * legendHeight + panelSize.gap;

/** The curves with more than one point, as SVG. */
export function curvesChart({ sections }) {
  const shownPanels = Object.values(sections)
    .flat()
    .filter(({ curves }) => curves.some(({ points }) => points.length > 1));
  const panels = shownPanels.map((panel, index) => {
    const x = margin + (index % columns) * panelSize.width;
    const y = margin + Math.floor(index / columns) * panelHeight;
    return `<g transform="translate(${x} ${y})">${panelOf(panel)}</g>`;
  });
  const width = 2 * margin + columns * panelSize.width;
  const height = 2 * margin + Math.ceil(shownPanels.length / columns) * panelHeight;
  return page({ width, height, title: 'How cost grows', panels });
}

function panelOf({ title, unit, x, y = { isLog: false }, curves }) {
  const all = curves.flatMap(({ points }) => points);
  const across = scale(
    extent(
      all.map((point) => point.x),
      x.isLog,
    ),
    x.isLog,
    [plot.left, plot.left + plot.width],
  );
  const up = scale(
    extent(
      all.map((point) => point.y),
      y.isLog,
    ),
    y.isLog,
    [plot.top + plot.height, plot.top],
  );
  return [
    `<text x="0" y="14" font-size="14" font-weight="600" fill="${ink.title}">${escaped(title)}</text>`,
    `<text x="0" y="31" fill="${ink.text}">${escaped(unit)}</text>`,
    ...up.ticks.map((tick) => gridLine(tick, up.at(tick))),
    ...across.ticks.map((tick) => label(short(tick), across.at(tick), plot.top + plot.height + 16, 'middle')),
    label(x.label, plot.left + plot.width / 2, plot.top + plot.height + 32, 'middle'),
    ...curves.map((curve, index) => lineOf(curve, index, { across, up })),
    ...curves.map(legendOf),
  ].join('\n');
}

function lineOf({ points }, index, { across, up }) {
  const places = points.map((point) => [across.at(point.x).toFixed(1), up.at(point.y).toFixed(1)]);
  const line = `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="2"/>`;
  const dots = places.map(
    ([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colours[index % colours.length]}"/>`,
  );
  return [line, ...dots].join('');
}

function legendOf({ title, points, verdict: { isMet, measured } }, index) {
  const y = plot.top + plot.height + 54 + index * legendHeight;
  const mark = `<rect x="${plot.left}" y="${y - 8}" width="14" height="4" fill="${colours[index % colours.length]}"/>`;
  const range = `${shown(points[0].y)} → ${shown(points.at(-1).y)}`;
  const text = `${title}: ${range} (${measured.split(',')[0]}) ${{ true: '✓', false: '✗ missed' }[isMet] ?? ''}`;
  return mark + label(text, plot.left + 20, y, 'start', isMet === false ? ink.missed : ink.text);
}

function gridLine(tick, y) {
  const line = `<line x1="${plot.left}" x2="${plot.left + plot.width}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="${ink.grid}"/>`;
  return line + label(short(tick), plot.left - 6, y + 4, 'end');
}

function label(text, x, y, anchor, colour = ink.text) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${escaped(text)}</text>`;
}

/** A linear scale begins at 0. */
function extent(values, isLog) {
  return [isLog ? Math.min(...values) : 0, Math.max(...values)];
}

function scale([low, high], isLog, [from, to]) {
  const of = isLog ? Math.log10 : Number;
  const span = of(high) - of(low) || 1;
  const at = (value) => from + ((of(value) - of(low)) / span) * (to - from);
  return { at, ticks: isLog ? powers(low, high) : steps(high) };
}

/** The ticks of a logarithmic scale: the powers of ten. */
function powers(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}

/** The ticks of a linear scale: 0 and up to five more, at 1, 2 or 5 times a power of ten. */
function steps(high) {
  const power = 10 ** Math.floor(Math.log10(high / 5));
  const step = power * [1, 2, 5, 10].find((times) => high / (power * times) <= 5);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, index) => index * step);
}

function short(value) {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e4) return `${value / 1e3}k`;
  return String(Number(value.toPrecision(3)));
}
