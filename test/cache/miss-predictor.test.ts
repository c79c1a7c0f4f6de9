// A field that misses again and again is not looked up before leave to load is asked for: one round trip less.
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../src/cache/index.ts';
import { isWaiting, newProcesses, poll } from './processes.ts';
import { SickStore, type SickWorld } from './store/sick-store.ts';
import { newNamespace, newWorld, redisStore, times, tiers, turn, type Fetching, type World } from './world.ts';

const tags = ['products'];

/** Of a value that nobody has asked for before. */
const another = (id: number | string): Fetching => ({ tags, args: { id } });

/** Misses of the field that make the next one likely. */
async function missesInARow({ fetch }: Pick<World, 'fetch'>): Promise<void> {
  for (const id of times(4, Number)) await fetch(another(id));
}

async function newSick(tier: (typeof tiers)[number]): Promise<SickWorld> {
  const namespace = newNamespace();
  const sick = new SickStore(tier === 'redis' ? await redisStore(namespace) : createMemoryStore({ namespace }));
  return { ...(await newWorld(sick)), sick };
}

describe.each(tiers)('after four misses in a row, on %s, a field', (tier) => {
  const missing = async (): Promise<SickWorld> => {
    const world = await newSick(tier);
    await missesInARow(world);
    world.sick.calls.length = 0;
    world.trace.take();
    return world;
  };

  it('misses in two round trips', async () => {
    const { outcome, sick, trace } = await missing();
    expect(await outcome(another('new'))).toMatchObject({ state: 'miss', tier: null, value: 'value' });
    expect(sick.calls).toEqual(['acquire', 'fill']);
    expect(trace.text).toBe('load write miss');
  });

  it('is looked up until then', async () => {
    const { fetch, sick } = await newSick(tier);
    for (const id of [1, 2, 3]) await fetch(another(id));
    sick.calls.length = 0;
    await fetch(another(4));
    expect(sick.calls).toEqual(['read', 'acquire', 'fill']);
  });

  it('gives what is there as a hit, and is looked up from then on', async () => {
    const { outcome, sick, trace, source } = await missing();
    source.gives('newer');
    const { ageMs, ttlMs, ...found } = await outcome(another(1));
    expect(found).toMatchObject({ state: 'hit', tier, value: 'value' });
    expect((ageMs ?? Number.NaN) + (ttlMs ?? Number.NaN)).toBe(60_000);
    expect(trace.take()).toBe('hit');
    await outcome(another('new'));
    expect(sick.calls).toEqual(['acquire', 'read', 'acquire', 'fill']);
  });

  it('gives all who ask at once what is there, and asks for it once', async () => {
    const { fetch, sick, trace } = await missing();
    expect(await Promise.all(times(10, () => fetch(another(1))))).toEqual(times(10, () => 'value'));
    const answersLater = tier === 'redis'; // than at the end of the turn in which all came
    expect(sick.calls).toEqual(['acquire', ...times(answersLater ? 0 : 9, () => 'read')]);
    expect(trace.text).toBe('hit×10');
  });

  it('loads once for all who ask at once', async () => {
    const { fetch, sick, trace } = await missing();
    await Promise.all(times(10, () => fetch(another('new'))));
    expect(sick.calls).toEqual(['acquire', 'fill']);
    expect(trace.text).toBe('load write miss shared×9');
  });

  it.each(['failing', 'refusing', 'full'] as const)(
    'loads once for all who ask at once of a %s store',
    async (health) => {
      const { fetch, sick, source, trace } = await missing();
      const { loads } = source;
      sick.health = health;
      await Promise.all(times(10, () => fetch(another('new'))));
      expect(source.loads).toBe(loads + 1);
      expect(sick.calls).toEqual(['acquire']);
      expect(trace.text).toBe('store-failed load miss shared×9');
    },
  );

  it('loads once for all who ask at once where that is not stored', async () => {
    const { cache, fetch, source } = await missing();
    const held = source.hold();
    const { loads } = source;
    const fetching = Promise.all(times(10, () => fetch(another('new'))));
    await held.begun;
    await cache.invalidate(tags);
    held.give('value');
    await fetching;
    expect(source.loads).toBe(loads + 1);
  });

  it('waits for a slow store no longer than ever where there is a value', async () => {
    const { clock, fetch, sick, trace } = await missing();
    sick.health = 'mute';
    const first = fetch(another(1));
    await expect.poll(() => sick.calls).toEqual(['acquire']);
    await turn();
    clock.advance(40);
    const second = fetch(another(1)); // while the first one's call is under way
    await turn();
    clock.advance(50);
    sick.answerAll();
    expect(await first).toBe('value');
    await expect.poll(() => sick.calls).toEqual(['acquire', 'read']);
    await turn();
    clock.advance(49);
    expect(trace.take()).toBe('hit');
    clock.advance(1);
    expect(await second).toBe('value');
    expect(trace.take()).toBe('store-slow load miss');
  });

  it('gives nothing from before an invalidation, and stores by the tokens of after it', async () => {
    const { cache, fetch, outcome, source, trace } = await missing();
    await cache.invalidate(tags);
    trace.take();
    source.gives('newer');
    expect(await fetch(another(1))).toBe('newer');
    expect(trace.take()).toBe('entry-rejected(invalidated) load write miss');
    expect(await outcome(another(1))).toMatchObject({ state: 'hit', value: 'newer' });
  });

  it('stores by the tokens of after an invalidation what was not there before', async () => {
    const { cache, fetch, outcome, source } = await missing();
    await cache.invalidate(tags);
    source.gives('newer');
    expect(await fetch(another('new'))).toBe('newer');
    expect(await outcome(another('new'))).toMatchObject({ state: 'hit', value: 'newer' });
  });

  it('does not store what was invalidated during the load', async () => {
    const { cache, fetch, outcome, source } = await missing();
    const held = source.hold();
    const fetching = fetch(another('new'));
    await held.begun;
    await cache.invalidate(tags);
    held.give('older');
    expect(await fetching).toBe('older');
    source.gives('newer');
    expect(await outcome(another('new'))).toMatchObject({ state: 'miss', value: 'newer' });
  });

  it.each(['products:1', 'toString'])('is looked up where the token of a tag is not known, such as %s', async (tag) => {
    const { fetch, sick } = await missing();
    await fetch({ args: { id: 'new' }, tags: [...tags, tag] });
    expect(sick.calls[0]).toBe('read');
  });

  it('is looked up again where there was a hit in between', async () => {
    const { fetch, sick } = await newSick(tier);
    for (const id of [1, 2, 3, 1, 4]) await fetch(another(id));
    sick.calls.length = 0;
    await fetch(another('new'));
    expect(sick.calls[0]).toBe('read');
  });

  it('is looked up again where a value of it cannot be stored', async () => {
    const { fetch, sick, source } = await missing();
    source.gives(new URL('http://a'));
    await fetch(another('new'));
    await fetch(another('newer'));
    expect(sick.calls.filter((call) => call === 'read')).toHaveLength(1);
  });

  it('is loaded where the store fails, and is looked up from then on', async () => {
    const { fetch, sick, trace, source } = await missing();
    sick.health = 'failing';
    expect(await fetch(another('new'))).toBe('value');
    expect(trace.take()).toBe('store-failed load miss');
    const { loads } = source;
    await Promise.all(times(10, () => fetch(another('newer'))));
    expect(source.loads).toBe(loads + 1);
    expect(sick.calls).toEqual(['acquire', ...times(10, () => 'read')]);
  });

  it('is not brought to a store that takes nothing', async () => {
    const { fetch, sick } = await missing();
    sick.health = 'full';
    await fetch({ field: 'Query.other', tags });
    sick.health = 'well';
    sick.calls.length = 0;
    await fetch(another('new'));
    expect(sick.calls).toEqual(['read']);
  });

  it('is not expected to miss because it was refreshed', async () => {
    const { fetch, sick } = await newSick(tier);
    for (const id of times(4, Number)) await fetch({ ...another(id), mode: 'refresh' });
    sick.calls.length = 0;
    await fetch(another('new'));
    expect(sick.calls[0]).toBe('read');
  });

  it('is loaded after a tenth of a second where the store does not answer, and is looked up from then on', async () => {
    const { clock, fetch, sick, trace } = await missing();
    sick.health = 'silent';
    const fetching = fetch(another('new'));
    await expect.poll(() => sick.calls).toEqual(['acquire']);
    await turn();
    clock.advance(100);
    expect(await fetching).toBe('value');
    expect(trace.take()).toBe('store-failed load miss');
    sick.health = 'well';
    await fetch(another('newer'));
    expect(sick.calls.slice(0, 2)).toEqual(['acquire', 'read']);
  });

  it('is counted by itself: another field is looked up', async () => {
    const { fetch, sick } = await missing();
    await fetch({ ...another('new'), field: 'Query.other' });
    expect(sick.calls[0]).toBe('read');
  });
});

describe('a likely miss', () => {
  it('waits for him who loads in another process, and gives what that one stores', async () => {
    const { one, two } = await newProcesses();
    await missesInARow(two);
    two.trace.take();
    const held = one.source.hold();
    const first = one.fetch(another('new'));
    await held.begun;
    const waiting = two.outcome(another('new'));
    await isWaiting(two);
    held.give('of one');
    await first;
    await poll(two);
    expect(await waiting).toMatchObject({ state: 'shared', tier: null, value: 'of one' });
    expect(two.trace.text).toBe('shared');
  });

  it('is one only where nobody has looked: what comes between look and lease is shared', async () => {
    const { one } = await newProcesses();
    const sick = new SickStore(await redisStore(one.namespace), ['read']);
    const two = await newWorld(sick);
    sick.health = 'mute';
    const fetching = [two.fetch(another('new')), two.fetch(another('new'))];
    await expect.poll(() => sick.calls).toEqual(['read', 'read']);
    await sick.ping(); // the reads are answered, and nobody has heard it
    await one.fetch(another('new'));
    sick.answerAll();
    expect(await Promise.all(fetching)).toEqual(['value', 'value']);
    expect(two.trace.text).toBe('shared×2');
  });
});
