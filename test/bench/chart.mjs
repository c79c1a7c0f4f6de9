/**
 * The chart of the documentation: for each workload that the cache serves, each server compared with plain `node:http`.
 */
import { ratioTo } from './figures.mjs';
import { servers } from './servers.mjs';
import { escaped, page } from './svg.mjs';

const colours = { limit: '#c3ccd6', ours: '#0d9488', peer: '#7c8aa0' };
const columns = 2;
const panel = { width: 486, titleHeight: 34, gap: 22, nameWidth: 212, barWidth: 214 };
const row = { height: 19, bar: 13 };
const margin = 20;

/** The text of an SVG file. Its own background makes it readable on light and dark pages. */
export function chart({ workloads }) {
  const shown = Object.entries(workloads).filter(([letter]) => !'fg'.includes(letter));
  const measured = servers.filter(
    ({ kind, name }) => kind !== 'none' && shown.some(([, { figures }]) => isMeasured(figures, name)),
  );
  const panelHeight = panel.titleHeight + measured.length * row.height + panel.gap;
  const width = 2 * margin + columns * panel.width;
  const height = 2 * margin + Math.ceil(shown.length / columns) * panelHeight;
  const panels = shown.map(([letter, { title, figures }], index) => {
    const x = margin + (index % columns) * panel.width;
    const y = margin + Math.floor(index / columns) * panelHeight;
    return `<g transform="translate(${x} ${y})">${panelOf(`(${letter}) ${title}`, figures, measured)}</g>`;
  });
  return page({ width, height, title: 'Requests per second against plain node:http', panels });
}

function panelOf(title, figures, measured) {
  const bars = measured.map(({ name, kind }, index) => {
    const ratio = ratioTo(figures, name);
    const y = panel.titleHeight + index * row.height;
    const middle = y + row.height / 2 + 4;
    const colour = kind === 'ours' ? colours.ours : '#334155';
    const label = `<text x="${panel.nameWidth - 8}" y="${middle}" text-anchor="end" fill="${colour}">${escaped(name)}</text>`;
    if (ratio === undefined) return label;
    const width = Math.max(1, Math.round(Math.min(ratio, 1.1) * panel.barWidth));
    const bar = `<rect x="${panel.nameWidth}" y="${y + 3}" width="${width}" height="${row.bar}" rx="2" fill="${colours[kind]}"/>`;
    return `${label}${bar}<text x="${panel.nameWidth + width + 6}" y="${middle}" fill="${colour}">${ratio.toFixed(2)}</text>`;
  });
  return `<text x="0" y="16" font-size="14" font-weight="600" fill="#0f172a">${escaped(title)}</text>\n${bars.join('\n')}`;
}

function isMeasured(figures, name) {
  return figures.some((one) => one.name === name);
}
