/** Records that are stored as one text, and with their properties apart (`fields`): when the second pays off. */
import { once } from 'node:events';
import { startNode, tell } from '../processes.mjs';

const x = { label: 'properties of 100 bytes', isLog: true };
const cost = { unit: 'CPU µs, Redis included', x, y: { isLog: true } };
const ratio = { unit: 'one text ÷ properties apart: above 1, they pay off', x };

export const panels = [
  {
    ...cost,
    title: 'Reading one property of a record in Redis',
    curves: [
      { id: 'textOne', title: 'stored as one text' },
      { id: 'hashOne', title: 'properties apart' },
    ],
  },
  {
    ...cost,
    title: 'Reading the whole record',
    curves: [
      { id: 'textAll', title: 'stored as one text' },
      { id: 'hashAll', title: 'properties apart' },
    ],
  },
  {
    ...cost,
    title: 'Loading and storing a record',
    curves: [
      { id: 'textLoad', title: 'stored as one text' },
      { id: 'hashLoad', title: 'properties apart' },
    ],
  },
  {
    ...ratio,
    title: 'Properties apart, compared: CPU',
    curves: [
      { id: 'oneRatio', title: 'reading one property' },
      { id: 'allRatio', title: 'reading the whole record' },
      { id: 'loadRatio', title: 'loading and storing' },
    ],
  },
  {
    ...ratio,
    title: 'Properties apart, compared: time of one read after another',
    curves: [
      { id: 'oneClockRatio', title: 'reading one property' },
      { id: 'allClockRatio', title: 'reading the whole record' },
    ],
  },
];

/** How many operations take about one second, by the number of properties. */
const perSecond = { 1: 8_000, 10: 8_000, 100: 4_000, 1_000: 500 };

export async function open({ backends, own, small, ms }) {
  const child = startNode(['curves/hash-worker.mjs'], { core: 0, env: { REDIS_URL: backends.redisUrl(41) } });
  own.push(() => child.kill());
  await once(child, 'message');
  return small(Object.keys(perSecond).map(Number)).map((properties) => ({
    x: properties,
    async measure() {
      const count = Math.ceil((perSecond[properties] * ms) / 1_000);
      const result = await tell(child, { properties, count });
      if (result.error !== undefined) throw new Error(`${properties} properties: ${result.error}`);
      const { textOne, hashOne, textAll, hashAll, textLoad, hashLoad, clock } = result;
      return {
        ...{ textOne, hashOne, textAll, hashAll, textLoad, hashLoad },
        oneRatio: textOne / hashOne,
        allRatio: textAll / hashAll,
        loadRatio: textLoad / hashLoad,
        oneClockRatio: clock.textOne / clock.hashOne,
        allClockRatio: clock.textAll / clock.hashAll,
      };
    },
  }));
}
