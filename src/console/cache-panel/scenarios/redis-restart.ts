import { formatCount, formatMs } from '../words/format.ts';
import type { ReportRow } from '../request/report.ts';
import { runUntilHit } from './run-until-hit.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';
import { runText, shopField, shopQuery } from './shop.ts';

export const startRedisMutation = 'mutation StartRedis { startRedis }';

/** How often queries are run while Redis is stopped. */
const runsWithout = 3;

export const redisRestart: Scenario = {
  name: 'Redis stops and restarts',
  explanation: 'Stops Redis, runs the query meanwhile, and starts Redis again: each request is answered all the same.',
  needs: [shopField, 'Mutation.stopRedis', 'Mutation.startRedis'],
  isOffered: (settings) => settings.hasPrivateRedis,
  async play(context) {
    const { beginStep, endStep, send } = context;
    beginStep('Run the query until it is cached');
    const { row: before } = await runUntilHit(context, shopQuery);
    endStep(runText(before));
    let without: readonly ReportRow[];
    try {
      beginStep('Stop Redis');
      await send('mutation StopRedis { stopRedis }');
      endStep('stopped');
      without = await runWithout(context);
      beginStep('Start Redis, empty');
    } finally {
      // Also after an error, and after the user has stopped the scenario.
      await send(startRedisMutation);
    }
    endStep('started');
    beginStep('Run the query until it is cached again');
    const { row: after, runs } = await runUntilHit(context, shopQuery);
    endStep(`${runText(after)} (run ${formatCount(runs)})`);
    return {
      summary: (shownMs) =>
        `All ${formatCount(without.length)} requests were answered without Redis, ${sourcesText(without)}, within ${formatMs(Math.max(...without.map(shownMs)))}. After the restart, run ${formatCount(runs)} was a hit again.`,
      figures: [
        { label: 'Before', row: before },
        ...without.map((row, index) => ({ label: `Without Redis, run ${index + 1}`, row })),
        { label: 'After the restart', row: after },
      ],
    };
  },
};

async function runWithout({ beginStep, endStep, run }: ScenarioContext): Promise<readonly ReportRow[]> {
  const rows: ReportRow[] = [];
  for (let index = 1; index <= runsWithout; index += 1) {
    beginStep(`Run the query without Redis (${index} of ${runsWithout})`);
    const { row } = await run(shopQuery);
    endStep(runText(row));
    rows.push(row);
  }
  return rows;
}

function sourcesText(rows: readonly ReportRow[]): string {
  const cached = rows.filter(({ source }) => source === 'cache').length;
  if (cached === 0) return 'from the database';
  return cached === rows.length ? 'from the cache' : `${cached} of them from the cache`;
}
