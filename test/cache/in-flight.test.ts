// Who boards another request's load does not wait for ever, and is not called off with it.
import { describe, expect, it } from 'vitest';
import { newSickWorld } from './store/sick-store.ts';
import { newWorld, times, turn, type World } from './world.ts';

/** Lets time pass by steps, so that what is asked is answered before its deadline. */
async function passes({ clock }: World, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    clock.advance(50);
    await turn();
  }
}

describe('a load that takes longer than ten seconds', () => {
  it('is not waited for by those who boarded it: one of them loads for all', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    source.hold();
    void fetch();
    const boarded = Promise.all(times(5, () => fetch()));
    await passes(world, 9_950);
    expect(source.loads).toBe(1);
    await passes(world, 50 + 3_100); // its lease is waited for, too
    expect(await boarded).toEqual(times(5, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('does not hold up who comes after that', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    source.hold();
    void fetch();
    await passes(world, 10_000);
    const later = fetch();
    await passes(world, 3_100);
    expect(await later).toBe('value');
  });

  it('is waited for by who began it, and stored', async () => {
    const world = await newWorld();
    const { fetch, source, trace } = world;
    const held = source.hold();
    const first = fetch();
    await held.begun;
    await passes(world, 11_000);
    held.give('late');
    expect(await first).toBe('late');
    expect(trace.text).toBe('load write miss');
    expect(await fetch()).toBe('late');
  });

  it('is one that who boards twice does not wait for: he loads for himself', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    times(2, () => source.hold());
    void fetch();
    const boarded = Promise.all(times(3, () => fetch()));
    await passes(world, 10_000 + 3_100);
    expect(source.loads).toBe(2); // one of the three, who boards no more
    await passes(world, 10_000);
    expect(source.loads).toBe(4);
    source.gives('not for him');
    expect(await Promise.race([boarded, turn()])).toBeUndefined(); // the one waits for his own load
  });

  it('leaves no timer behind when it has ended in time', async () => {
    const { fetch, clock, source } = await newWorld();
    await fetch();
    source.fails(new Error('no rows'));
    await expect(fetch({ field: 'Query.other' })).rejects.toThrow('no rows');
    await turn();
    expect(clock.pending).toBe(0);
  });
});

describe('a load that is called off', () => {
  const aborts: [string, unknown][] = [
    ['a DOMException', new DOMException('gone', 'AbortError')],
    ['an error of that name', Object.assign(new Error('gone'), { name: 'AbortError' })],
    ['an error of that code', Object.assign(new Error('gone'), { code: 'ABORT_ERR' })],
  ];

  it.each(aborts)('fails for who began it alone, with %s', async (_, abort) => {
    const { fetch, source } = await newWorld();
    const held = source.hold();
    const first = fetch();
    await held.begun;
    const boarded = times(5, () => fetch());
    held.fail(abort);
    await expect(first).rejects.toBe(abort);
    expect(await Promise.all(boarded)).toEqual(times(5, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('fails no other request where those that began the next loads were aborted, too', async () => {
    const { fetch, source } = await newWorld();
    const abort = new DOMException('gone', 'AbortError');
    const [one, two] = [source.hold(), source.hold()];
    const seen = times(4, () => fetch());
    await one.begun;
    one.fail(abort);
    await two.begun;
    two.fail(abort);
    const settled = await Promise.allSettled(seen);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  });

  it('fails nobody else either where a request has joined one that ran when it came, and one after it', async () => {
    const { fetch, source } = await newWorld();
    const abort = new DOMException('gone', 'AbortError');
    const [one, two] = [source.hold(), source.hold()];
    const first = fetch();
    await one.begun;
    const boarded = times(3, () => fetch());
    one.fail(abort);
    await two.begun;
    two.fail(abort);
    const settled = await Promise.allSettled([first, ...boarded]);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(source.loads).toBe(3);
  });

  it('is no other failure: that is shared', async () => {
    const { fetch, source } = await newSickWorld();
    const held = source.hold();
    const seen = times(3, () => fetch());
    await held.begun;
    held.fail(new Error('no rows'));
    for (const { status } of await Promise.allSettled(seen)) expect(status).toBe('rejected');
    expect(source.loads).toBe(1);
  });
});
