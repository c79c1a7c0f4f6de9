import { formatCountOf } from '../words/format-count-of.ts';
import { formatFactor, formatMs } from '../words/format.ts';
import type { ReportRow } from '../request/report.ts';
import type { Scenario, ShownMs } from './scenario.ts';
import { runText, shopField, shopQuery } from './shop.ts';

export const coldThenWarm: Scenario = {
  name: 'Cold, then warm',
  explanation:
    'Empties the cache and runs the same query twice: the first run loads the value, the second one finds it.',
  needs: [shopField, 'Mutation.flushCache'],
  async play({ beginStep, endStep, flush, run }) {
    beginStep('Flush the cache');
    endStep(`${formatCountOf(await flush(), 'key')} removed`);
    beginStep('Run the query: cold');
    const cold = (await run(shopQuery)).row;
    endStep(runText(cold));
    beginStep('Run it again: warm');
    const warm = (await run(shopQuery)).row;
    endStep(runText(warm));
    return {
      summary: (shownMs) => summaryOf(cold, warm, shownMs),
      figures: [
        { label: 'Cold', row: cold },
        { label: 'Warm', row: warm },
      ],
    };
  },
};

function summaryOf(cold: ReportRow, warm: ReportRow, shownMs: ShownMs): string {
  if (warm.state !== 'hit')
    return 'The second run was not answered from the cache: it was emptied in between, or Redis is not available.';
  const [coldMs, warmMs] = [shownMs(cold), shownMs(warm)];
  const times = `${formatMs(warmMs)} from the cache instead of ${formatMs(coldMs)}`;
  // Durations are reported in hundredths of a millisecond.
  return coldMs > warmMs ? `${times}: ${formatFactor(coldMs / Math.max(warmMs, 0.01))} faster.` : `${times}.`;
}
