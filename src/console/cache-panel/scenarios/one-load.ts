import { formatCountOf } from '../words/format-count-of.ts';
import { formatCount } from '../words/format.ts';
import { shopField, simultaneous, simultaneousQuery } from './shop.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';

export const oneLoad: Scenario = {
  name: `One value, ${simultaneous} times at once`,
  explanation: `Empties the cache and requests one value ${simultaneous} times at once, in one document: the database is asked once.`,
  needs: [shopField, 'Mutation.flushCache', 'Query.cacheStats'],
  async play(context) {
    const { beginStep, endStep, flush, run } = context;
    beginStep('Flush the cache');
    endStep(`${formatCountOf(await flush(), 'key')} removed`);
    const loadsBefore = await loadsOf(context);
    beginStep(`Request the value ${simultaneous} times`);
    const { rows } = await run(simultaneousQuery);
    const loadsAfter = await loadsOf(context);
    const loaded = rows.filter(({ state }) => state === 'miss');
    const shared = rows.filter(({ state }) => state === 'shared');
    const others = rows.length - loaded.length - shared.length;
    endStep(`${formatCount(rows.length)} answers`);
    const counted = `The server counted ${formatCountOf(loadsAfter - loadsBefore, 'load')} meanwhile.`;
    const found = others === 0 ? '' : `, ${formatCount(others)} found it in the cache`;
    return {
      summary: () =>
        `${formatCountOf(loaded.length, 'load')}, ${formatCount(shared.length)} shared it${found}. ${counted}`,
      figures: [
        ...loaded.map((row) => ({ label: 'Loaded', row })),
        ...shared.slice(-1).map((row) => ({ label: `The last of ${shared.length}`, row })),
      ],
    };
  },
};

/** How often the server has loaded the field. */
async function loadsOf({ send }: ScenarioContext): Promise<number> {
  interface Stats {
    readonly cacheStats: { readonly fields: readonly { readonly field: string; readonly loads: number }[] };
  }
  const { cacheStats } = (await send('query ScenarioLoads { cacheStats { fields { field loads } } }')) as Stats;
  return cacheStats.fields.find(({ field }) => field === shopField)?.loads ?? 0;
}
