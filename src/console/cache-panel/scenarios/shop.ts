/** The shop's query that the scenarios run, and what the report says about it. */
import { formatMs } from '../words/format.ts';
import { outcomeText } from '../words/report-words.ts';
import type { ReportRow } from '../request/report.ts';

export const shopField = 'Query.categoryStats';
export const shopQuery = 'query Scenario { categoryStats { id name productCount avgRating } }';

/** As many aliases as the server's limits allow: a browser opens only six connections at once. */
export const simultaneous = 100;
export const simultaneousQuery = `query Scenario { ${Array.from(
  { length: simultaneous },
  (_, index) => `a${index + 1}: categoryStats { id }`,
).join(' ')} }`;

/** `Miss, database: 303 ms`. */
export function runText(row: ReportRow): string {
  return `${outcomeText(row)}: ${formatMs(row.durationMs)}`;
}
