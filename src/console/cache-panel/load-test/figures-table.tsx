/** The figures of a load test, next to those of the one that was kept. */
import type { ReactElement } from 'react';
import { formatCount, formatMs, formatPercent } from '../words/format.ts';
import { useLatencyView } from '../shared/latency-view.tsx';
import type { LoadTest } from './load-test.ts';
import { summaryOf, type Summary } from './summary.ts';

const rows: readonly { readonly title: string; readonly textOf: (summary: Summary) => string }[] = [
  { title: 'p50', textOf: ({ p50 }) => known(p50, formatMs) },
  { title: 'p95', textOf: ({ p95 }) => known(p95, formatMs) },
  { title: 'p99', textOf: ({ p99 }) => known(p99, formatMs) },
  { title: 'Requests/s', textOf: ({ requestsPerSecond }) => known(requestsPerSecond, formatRate) },
  { title: 'Hit rate', textOf: ({ hitRate }) => known(hitRate, formatPercent) },
  { title: 'Requests', textOf: ({ requests }) => formatCount(requests) },
  { title: 'Errors', textOf: ({ errors }) => formatCount(errors) },
];

export interface FiguresTableProps {
  readonly test: LoadTest;
  readonly kept: LoadTest | undefined;
}

export function FiguresTable({ test, kept }: FiguresTableProps): ReactElement {
  const isWithout = useLatencyView((view) => view.isWithout);
  const columns = [test, ...(kept === undefined ? [] : [kept])].flatMap((one) =>
    (['database', 'cache'] as const).map((side) => summaryOf(one, side, isWithout)),
  );
  return (
    <div className="cache-panel-scroll">
      <table className="cache-panel-round-figures">
        <thead>
          {kept === undefined ? null : (
            <tr>
              <td />
              <th scope="colgroup" colSpan={2}>
                This run
              </th>
              <th scope="colgroup" colSpan={2}>
                Kept run
              </th>
            </tr>
          )}
          <tr>
            <td />
            {columns.map((_, index) => (
              <th scope="col" key={index}>
                {index % 2 === 0 ? 'Database' : 'Cache'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ title, textOf }) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              {columns.map((summary, index) => (
                <td key={index}>{textOf(summary)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function known(figure: number | undefined, format: (figure: number) => string): string {
  return figure === undefined ? '–' : format(figure);
}

function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1);
}
