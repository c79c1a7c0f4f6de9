// The calls of one tick share one round trip, as the statistics of Redis show.
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createRedisStore,
  type EntryRef,
  type Outcome,
  type RevalidatedHit,
  type Store,
} from '../../../../src/cache/index.ts';
import { endOfTick } from '../../../../src/cache/base/clock.ts';
import { newBuilder, runOn } from '../../../pothos-cache/world.ts';
import { newHeapGauge } from '../../../support/heap.ts';
import { startTestRedis } from '../../../support/redis.ts';
import { newWorld, redisClient, TestClock, times, tick, type World } from '../../world.ts';

interface CountingWorld extends World {
  readonly client: Redis;
  readonly store: Store;
  /** The reads from clients and the commands that the server counts while `run` runs. */
  readonly counted: (run: () => Promise<unknown>) => Promise<{ roundTrips: number; commands: Record<string, number> }>;
}

async function newCountingWorld(): Promise<CountingWorld> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const [client, clock] = [await redisClient(server.socketPath), new TestClock()];
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000, clock });
  const world = await newWorld(store, { clock });
  await world.fetch({ field: 'Query.other' }); // the server's run id and scripts are known, and the token of `*` exists
  return {
    ...world,
    client,
    store,
    async counted(run) {
      await client.config('RESETSTAT');
      await run();
      const [stats, commandStats] = [await client.info('stats'), await client.info('commandstats')];
      const reads = Number(/total_reads_processed:(\d+)/.exec(stats)?.[1]);
      const commands = [...commandStats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
        .filter(([, name = '']) => !['config', 'info'].includes(name))
        .map(([, name, calls]) => [name, Number(calls)] as const);
      return { roundTrips: reads - 1, commands: Object.fromEntries(commands) }; // without the INFO of this test
    },
  };
}

describe('in one tick', () => {
  it('fifty values are read in one round trip, and the token of a shared tag is requested once', async () => {
    const { fetch, trace, counted } = await newCountingWorld();
    const all = (): Promise<unknown> => Promise.all(times(50, (id) => fetch({ args: { id }, tags: ['products'] })));
    await all();
    await all();
    trace.take();
    expect(await counted(all)).toEqual({ roundTrips: 1, commands: { pttl: 50, evalsha: 1, getrange: 50 + 3 } });
    expect(trace.text).toBe('hit×50');
  });

  it('fifty requests for the same value read it once', async () => {
    const { fetch, counted } = await newCountingWorld();
    await fetch();
    const { roundTrips, commands } = await counted(() => Promise.all(times(50, () => fetch())));
    expect({ roundTrips, commands }).toEqual({ roundTrips: 1, commands: { pttl: 1, evalsha: 1, getrange: 1 + 2 } });
  });

  it('fifty values are revalidated in one round trip', async () => {
    const { cache, fetch, counted } = await newCountingWorld();
    const entryRefs: EntryRef[] = [];
    const report = (outcome: Outcome): void => void (outcome.entryRef && entryRefs.push(outcome.entryRef));
    const all = (): Promise<unknown> => Promise.all(times(50, (id) => fetch({ args: { id }, tags: ['t'], report })));
    await all();
    await all();
    let hits: readonly RevalidatedHit[] | undefined;
    await cache.revalidate(entryRefs); // the server learns the script
    const count = await counted(async () => (hits = await cache.revalidate(entryRefs)));
    expect(hits?.length).toBe(50);
    expect(count).toEqual({
      roundTrips: 1,
      commands: { evalsha: 2, getrange: 50 + 3, strlen: 50, pttl: 50 },
    });
  });

  it('the entries of several revalidations are confirmed by one script, and each receives its own result', async () => {
    const { cache, fetch, counted } = await newCountingWorld();
    const entryRefs = new Map<number, EntryRef>();
    const fetchById = (id: number): Promise<unknown> =>
      fetch({
        args: { id },
        tags: [`t:${id}`],
        report: (outcome) => void (outcome.entryRef && entryRefs.set(id, outcome.entryRef)),
      });
    for (const id of [1, 2, 3, 1, 2, 3]) await fetchById(id);
    const hitsOf = async (...ids: number[]): Promise<(string | undefined)[] | undefined> => {
      const hits = await cache.revalidate(ids.flatMap((id) => entryRefs.get(id) ?? []));
      return hits?.map((hit) => hit.entryRef.key);
    };
    await fetch({ args: { id: 2 }, tags: ['t:2'], mode: 'refresh' }); // another entry with the same stamps
    await hitsOf(1);
    let results: unknown[] = [];
    const count = await counted(async () => (results = await Promise.all([hitsOf(1), hitsOf(2), hitsOf(3, 1)])));
    expect(results).toEqual([[entryRefs.get(1)?.key], undefined, [entryRefs.get(3)?.key, entryRefs.get(1)?.key]]);
    expect(count).toMatchObject({ roundTrips: 1, commands: { evalsha: 2, getrange: 4 + 6 } });
  });

  it('fifty cached fields of one operation are read in one round trip', async () => {
    const { cache, counted } = await newCountingWorld();
    const builder = newBuilder();
    builder.queryType({});
    for (const index of times(50, Number)) {
      builder.queryField(`f${index}`, (t) =>
        t.int({ args: { id: t.arg.int() }, cache: { ttl: '60s', scope: 'public' }, resolve: () => index }),
      );
    }
    const schema = builder.toSchema({ cache: { engine: cache } });
    const text = `{ ${times(50, (index) => `f${index}(id: ${index})`).join(' ')} }`;
    await runOn(schema, text);
    let states = '';
    const count = await counted(async () => ({ states } = await runOn(schema, text)));
    expect(states).toBe(times(50, () => 'hit').join(' '));
    expect(count).toEqual({ roundTrips: 1, commands: { pttl: 50, evalsha: 1, getrange: 50 + 2 } });
  });

  it('reads that begin after a few promises have settled share the round trip', async () => {
    const { store, counted } = await newCountingWorld();
    const read = async (waits: number): Promise<void> => {
      for (const _ of times(waits, Number)) await Promise.resolve();
      await store.read(`shop:${waits}`, ['*']);
    };
    const { roundTrips } = await counted(() => Promise.all(times(10, read)));
    expect(roundTrips).toBe(1);
  });

  it('a read that begins at the end of the tick belongs to the next one', async () => {
    const { store, counted } = await newCountingWorld();
    const { commands } = await counted(() => {
      const later = endOfTick().then(() => store.read('shop:later', ['*']));
      return Promise.all([store.read('shop:now', ['*']), later]);
    });
    // One script reads the tokens of each batch. A busy server may read two batches at once, so round trips are not counted.
    expect(commands).toEqual({ pttl: 2, evalsha: 2, getrange: 2 + 2 * 2 });
  });

  it('releases a reply although no call follows it', async () => {
    const { store } = await newCountingWorld();
    const heapUsed = newHeapGauge();
    const text = `{"id":"${'i'.repeat(16)}",${'x'.repeat(4_000_000)}`;
    await store.write('shop:large', { text, ttlMs: 60_000, tags: ['*'] });
    await store.ping();
    const before = heapUsed();
    expect((await store.read('shop:large', ['*'])).text).toHaveLength(text.length);
    await tick();
    expect(heapUsed() - before).toBeLessThan(2_000_000);
  });

  it('the tokens of inner values are read together', async () => {
    const { fetch, counted, source } = await newCountingWorld();
    const all = async (): Promise<void> => {
      const inner = { field: 'Query.inner', tags: ['inner'], load: source.load };
      await Promise.all(times(3, (id) => fetch({ args: { id }, load: () => fetch(inner) })));
    };
    await all();
    expect(await counted(all)).toEqual({ roundTrips: 2, commands: { pttl: 3, evalsha: 2, getrange: 3 + 2 + 2 } });
  });
});

describe('in one tick, fifty captures of a tag', () => {
  const captureFiftyTimes = ({ store }: CountingWorld, tags: string[]): Promise<unknown> =>
    Promise.all(times(50, () => store.capture(tags)));

  it('create its token once', async () => {
    const world = await newCountingWorld();
    expect(await world.counted(() => captureFiftyTimes(world, ['new']))).toEqual({
      roundTrips: 1,
      commands: { set: 1, pttl: 1, evalsha: 1, getrange: 2 },
    });
  });

  it('remove a foreign value at its key once, and renew an old token once', async () => {
    const world = await newCountingWorld();
    await world.client.set('shop:tag:foreign', 'text', 'PX', 60_000);
    const { commands } = await world.counted(() => captureFiftyTimes(world, ['foreign']));
    expect(commands).toMatchObject({ unlink: 1, set: 2 });
    await world.client.pexpire('shop:tag:foreign', 60_000);
    expect((await world.counted(() => captureFiftyTimes(world, ['foreign']))).commands).toMatchObject({ pexpire: 1 });
  });
});

it('sends the text of a script once for all its callers if the server does not know it', async () => {
  const { store, client, counted } = await newCountingWorld();
  await client.script('FLUSH');
  const request = {
    stampsDigest: 'b'.repeat(22),
    leaseMs: 1_000,
    rejectedEntryId: undefined,
    takenOver: undefined,
    tags: [],
  };
  const acquire = (n: number): Promise<unknown> =>
    store.acquire(`shop:${n}`, { ...request, lease: `${n}`.padEnd(22, 'x') });
  const { commands } = await counted(() => Promise.all(times(50, acquire)));
  expect(commands['eval']).toBe(1);
});

it('a read in the next tick does not join the round trip that was sent before', async () => {
  const { store, client } = await newCountingWorld();
  const before = store.read('shop:k', ['*']);
  await tick();
  await client.set('shop:k', 'text', 'PX', 60_000);
  const after = store.read('shop:k', ['*']);
  expect((await before).text).toBeUndefined();
  expect((await after).text).toBe('text');
});

it('returns to each caller its own value, with tokens in the order of its tags', async () => {
  const { store } = await newCountingWorld();
  const [a, b] = await store.capture(['a', 'b']);
  await Promise.all(times(9, (n) => store.write(`shop:${n}`, { text: `text ${n}`, ttlMs: 60_000, tags: [] })));
  const tags = [['a', 'b'], ['b'], ['none', 'b', 'a'], []];
  const reads = times(9, (n) => store.read(`shop:${n}`, tags[n % 4] ?? []));
  const tokens = store.tokens(['b', 'none']);
  const expected = [[a, b], [b], [undefined, b, a], []];
  for (const [n, read] of (await Promise.all(reads)).entries()) {
    expect(read).toMatchObject({ text: `text ${n}`, tokens: expected[n % 4] });
  }
  expect(await tokens).toEqual([b, undefined]);
});

it('sends at most a thousand reads in one batch, and more reads in further batches', async () => {
  const { store, counted } = await newCountingWorld();
  const reads = (): Promise<unknown> => Promise.all(times(2_500, (n) => store.read(`shop:${n}`, ['*'])));
  const { commands } = await counted(reads);
  expect(commands).toEqual({ pttl: 2_500, evalsha: 3, getrange: 2_500 + 3 * 2 });
});

it('fails only the read of the key that the access list forbids', async () => {
  const { store, client } = await newCountingWorld();
  await store.write('shop:a', { text: 'text', ttlMs: 60_000, tags: [] });
  await client.acl('SETUSER', 'default', 'resetkeys', '~shop:a', '~shop:tag:*');
  const [mine, theirs] = await Promise.allSettled([store.read('shop:a', ['*']), store.read('shop:b', ['*'])]);
  expect(mine).toMatchObject({ status: 'fulfilled', value: { text: 'text' } });
  expect(theirs).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REFUSED' } });
});

it('fails only the call whose token the access list forbids, and treats a key of another type as no token', async () => {
  const { store, client } = await newCountingWorld();
  const [keptToken] = await store.capture(['kept']);
  await client.hset('shop:tag:other', 'field', 'value');
  await client.acl('SETUSER', 'default', 'resetkeys', '~shop:k', '~shop:tag:!db', '~shop:tag:kept', '~shop:tag:other');
  const [mine, theirs] = await Promise.allSettled([
    store.read('shop:k', ['kept', 'other']),
    store.tokens(['kept', 'forbidden']),
  ]);
  expect(mine).toMatchObject({ status: 'fulfilled', value: { tokens: [keptToken, undefined] } });
  expect(theirs).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REFUSED' } });
});

it.each(['info', 'time'])('names the commands that Redis must allow if it forbids %s', async (command) => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const client = await redisClient(server.socketPath);
  const faults: unknown[] = [];
  await client.acl('SETUSER', 'default', `-${command}`);
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop' });
  const { fetch, cache } = await newWorld(store);
  cache.on((event) => void ('error' in event && faults.push(event.error)));
  expect(await fetch()).toBe('value');
  expect(String(faults[0])).toMatch(/Redis must allow its user .*INFO, TIME/);
});
