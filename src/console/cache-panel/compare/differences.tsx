/** Whether both responses are equal, or where they differ. */
import type { ReactElement } from 'react';
import type { Difference } from './difference.ts';

const charsMax = 60;

export function Differences({ differences }: { differences: readonly Difference[] }): ReactElement {
  if (differences.length === 0)
    return (
      <p className="cache-panel-equal">
        <span aria-hidden="true">✓ </span>Both responses are equal.
      </p>
    );
  return (
    <div className="cache-panel-different">
      <p>
        <span aria-hidden="true">≠ </span>
        The responses differ. Either the data has changed between the two requests, or the cache has an older value.
      </p>
      <div className="cache-panel-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">First differences</th>
              <th scope="col">Database</th>
              <th scope="col">Cache</th>
            </tr>
          </thead>
          <tbody>
            {differences.map(({ path, database, cache }) => (
              <tr key={path}>
                <th scope="row">{path === '' ? 'data' : path}</th>
                <td>{valueText(database)}</td>
                <td>{valueText(cache)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function valueText(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
}
