// Hits that are checked while rows change, and are invalidated some time later, as by a change feed.
import { graceMs } from './shadow-world.ts';
import { newWorld, times } from './world.ts';

const rowsMax = 200;
const readsAtOnce = 10;

export interface SimulationOptions {
  readonly hitsMin: number;
  readonly checksMin: number;
  /** Each change is invalidated after a random time, this long at most. */
  readonly lagMsMax: number;
  /** Of so many changes, one is never invalidated. Default: all are. */
  readonly lostEvery?: number;
}

export interface Figures {
  hits: number;
  /** Hits that were compared. */
  checks: number;
  explained: number;
  differences: number;
  changes: number;
}

/** Until there were enough hits and checks. */
export async function readWhileRowsChange(options: SimulationOptions): Promise<Figures> {
  const { hitsMin, checksMin, lagMsMax, lostEvery = Infinity } = options;
  const random = newRandom();
  const { cache, clock, fetch, trace } = await newWorld('memory', { random });
  const figures: Figures = { hits: 0, checks: 0, explained: 0, differences: 0, changes: 0 };
  cache.on((event) => {
    trace.events.length = 0; // otherwise it would be long
    if (event.type === 'hit') figures.hits += 1;
    else if (event.type === 'shadow-difference') figures.differences += 1;
    else if (event.type === 'shadow-check' && event.result !== 'skipped') figures.checks += 1;
    if (event.type === 'shadow-check' && event.result === 'explained') figures.explained += 1;
  });
  const versions = times(rowsMax, () => 0);
  const someRow = (): number => Math.floor(random() * rowsMax);
  const change = (id: number): void => {
    versions[id] = (versions[id] ?? 0) + 1;
    figures.changes += 1;
    if (figures.changes % lostEvery === 0) return;
    clock.after(random() * lagMsMax, () => void cache.invalidate([`rows:${id}`]));
  };
  const load = async (id: number): Promise<unknown> => {
    const version = versions[id];
    await ticks(1); // the row may change meanwhile
    return { id, version };
  };
  const read = (id: number): Promise<unknown> =>
    fetch({ args: { id }, tags: [`rows:${id}`], ttl: '1d', shadow: 1, load: () => load(id) });
  while (figures.hits < hitsMin || figures.checks < checksMin) {
    const reads = Promise.all(times(readsAtOnce, () => read(someRow())));
    if (random() < 0.2) change(someRow());
    await reads;
    await ticks(4); // checks go on
    clock.advance(random() * 100);
  }
  for (const _ of times(3, Number)) {
    clock.advance(graceMs);
    await ticks(50);
  }
  return figures;
}

async function ticks(count: number): Promise<void> {
  for (const _ of times(count, Number)) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Numbers from 0 to 1, the same in each run: mulberry32. */
function newRandom(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
