/** Curves as text: each with its values, its promise, and the verdict. */
import { costOf, shown } from './fit.mjs';

const verdictText = { true: 'met   ', false: 'MISSED' };

/** For the terminal. */
export function panelText({ title, unit, x, curves }) {
  const xs = [...new Set(curves.flatMap(({ points }) => points.map((point) => point.x)))];
  const nameChars = Math.max(34, ...curves.map((curve) => curve.title.length + 2));
  const header = `${x.label.padStart(nameChars)}${xs.map((value) => cell(value.toLocaleString('en'))).join('')}`;
  const rows = curves.map((curve) => {
    const valueAt = (value) => curve.points.find((point) => point.x === value)?.y;
    const cells = xs.map((value) => cell(valueAt(value) === undefined ? '' : shown(valueAt(value))));
    const { promised, measured, isMet } = curve.verdict;
    return `${curve.title.padEnd(nameChars)}${cells.join('')}   ${verdictText[isMet] ?? ''} ${measured}${lineText(curve)}  [${promised}]`;
  });
  return [`\n${title} (${unit})`, header, ...rows].join('\n');
}

/** For docs/benchmarks.md. */
export function curvesMarkdown({ sections }) {
  const rows = Object.values(sections)
    .flat()
    .flatMap(({ title, unit, curves }) =>
      curves.map(({ title: curve, points, verdict: { promised, measured, isMet } }) => {
        const range = [...new Set([points[0].y, points.at(-1).y])].map(shown).join(' → ');
        return [
          `${title}: ${curve}`,
          `${range} ${unit}`,
          promised,
          measured,
          { true: 'met', false: '**missed**' }[isMet] ?? '',
        ];
      }),
    );
  const lines = [['', 'first → last', 'promised', 'measured', ''], ['---', '---', '---', '---', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function lineText({ points, promise }) {
  if (promise?.linear === undefined) return '';
  const { base, slope } = costOf(points);
  return `, ${shown(base)} + ${slope < 0.1 ? slope.toPrecision(2) : shown(slope)} each`;
}

function cell(text) {
  return text.padStart(12);
}
