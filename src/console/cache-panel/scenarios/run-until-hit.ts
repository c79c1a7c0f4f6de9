import { runText } from './shop.ts';
import type { ReportedRun, ScenarioContext } from './scenario.ts';

/** How long a hit is waited for. */
const hitMsMax = 60_000;
const runEveryMs = 500;

/**
 * Runs a query until its value comes from the cache.
 *
 * @throws {Error} if that takes more than a minute.
 */
export async function runUntilHit(
  { run, wait }: ScenarioContext,
  query: string,
): Promise<ReportedRun & { readonly runs: number }> {
  const endMs = Date.now() + hitMsMax;
  for (let runs = 1; ; runs += 1) {
    const reported = await run(query);
    if (reported.row.state === 'hit') return { ...reported, runs };
    if (Date.now() > endMs) throw new Error(`No hit within a minute; the last run: ${runText(reported.row)}.`);
    await wait(runEveryMs);
  }
}
