import { formatDuration } from '../words/format-duration.ts';
import { formatMs } from '../words/format.ts';
import type { Scenario } from './scenario.ts';
import { runText, shopField, shopQuery } from './shop.ts';

export const expiry: Scenario = {
  name: 'Expiry',
  explanation: 'Runs a query, waits until its value has expired, and runs it again: the value is loaded again.',
  needs: [shopField],
  async play({ beginStep, endStep, run, wait }) {
    beginStep('Run the query');
    const before = (await run(shopQuery)).row;
    const { ttlMs, ageMs } = before;
    if (ttlMs == null) throw new Error(`The value was not stored: ${before.notStored ?? 'Redis may be unavailable'}.`);
    endStep(`${runText(before)}, expires in ${formatDuration(ttlMs, Math.ceil)}`);
    beginStep('Wait until it has expired');
    await wait(ttlMs + 1);
    endStep('expired');
    beginStep('Run the query again');
    const after = (await run(shopQuery)).row;
    endStep(runText(after));
    const lived = formatDuration(ttlMs + (ageMs ?? 0), Math.round);
    return {
      summary: (shownMs) =>
        after.state === 'miss'
          ? `After ${lived} the value had expired, and was loaded again in ${formatMs(shownMs(after))}.`
          : `After ${lived} the value had expired, but another request had loaded it before this one.`,
      figures: [
        { label: 'Before', row: before },
        { label: 'After', row: after },
      ],
    };
  },
};
