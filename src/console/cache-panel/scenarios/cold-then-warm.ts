import { formatCountOf } from '../format-count-of.ts';
import { formatFactor, formatMs } from '../format.ts';
import type { Scenario } from './scenario.ts';
import { figureOf, runText, shopField, shopQuery } from './shop.ts';

export const coldThenWarm: Scenario = {
  name: 'Cold, then warm',
  explanation:
    'Empties the cache and runs the same query twice: the first run loads the value, the second one finds it.',
  needs: [shopField, 'Mutation.flushCache'],
  async play({ begins, says, flush, run }) {
    begins('Flush the cache');
    says(`${formatCountOf(await flush(), 'key')} removed`);
    begins('Run the query: cold');
    const cold = (await run(shopQuery)).row;
    says(runText(cold));
    begins('Run it again: warm');
    const warm = (await run(shopQuery)).row;
    says(runText(warm));
    const isFaster = warm.state === 'hit' && warm.durationMs < cold.durationMs;
    return {
      summary: isFaster
        ? `The cache answered in ${formatMs(warm.durationMs)} instead of ${formatMs(cold.durationMs)}: ${formatFactor(cold.durationMs / Math.max(warm.durationMs, 0.01))} as fast.`
        : 'The second run was not answered from the cache. Perhaps it was emptied in between, or Redis is not available.',
      figures: [figureOf('Cold', cold), figureOf('Warm', warm)],
    };
  },
};
