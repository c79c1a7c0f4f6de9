// A request that joins a load waits at most ten seconds for it, and is not aborted with the request that began it.
import { describe, expect, it } from 'vitest';
import { newFaultyWorld } from './store/faulty-store.ts';
import { newWorld, times, tick, type World } from './world.ts';

/** Advances the clock in steps, so that every call is answered before its deadline. */
async function advanceInSteps({ clock }: World, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    clock.advance(50);
    await tick();
  }
}

describe('a load that takes longer than ten seconds', () => {
  it('is abandoned by the requests that joined it, one of which loads for all of them', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    source.hold();
    void fetch();
    const joined = Promise.all(times(5, () => fetch()));
    await advanceInSteps(world, 9_950);
    expect(source.loads).toBe(1);
    await advanceInSteps(world, 50 + 3_100); // and the wait for its lease
    expect(await joined).toEqual(times(5, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('does not delay a later request by more than the wait for its lease', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    source.hold();
    void fetch();
    await advanceInSteps(world, 10_000);
    const later = fetch();
    await advanceInSteps(world, 3_100);
    expect(await later).toBe('value');
  });

  it('is awaited by the request that began it, and stored', async () => {
    const world = await newWorld();
    const { fetch, source, trace } = world;
    const held = source.hold();
    const first = fetch();
    await held.begun;
    await advanceInSteps(world, 11_000);
    held.give('late');
    expect(await first).toBe('late');
    expect(trace.text).toBe('load write miss');
    expect(await fetch()).toBe('late');
  });

  it('makes a request that has joined two such loads load for itself', async () => {
    const world = await newWorld();
    const { fetch, source } = world;
    times(2, () => source.hold());
    void fetch();
    const joined = Promise.all(times(3, () => fetch()));
    await advanceInSteps(world, 10_000 + 3_100);
    expect(source.loads).toBe(2); // the second by one of the three, which joins no other load
    await advanceInSteps(world, 10_000);
    expect(source.loads).toBe(4);
    source.gives('not for him');
    expect(await Promise.race([joined, tick()])).toBeUndefined(); // the one request still waits for its own load
  });

  it('leaves no timer behind if it ends or fails before that', async () => {
    const { fetch, clock, source } = await newWorld();
    await fetch();
    source.fails(new Error('no rows'));
    await expect(fetch({ field: 'Query.other' })).rejects.toThrow('no rows');
    await tick();
    expect(clock.pending).toBe(0);
  });
});

describe('an aborted load', () => {
  const aborts: [string, unknown][] = [
    ['a DOMException', new DOMException('gone', 'AbortError')],
    ['an error named AbortError', Object.assign(new Error('gone'), { name: 'AbortError' })],
    ['an error with the code ABORT_ERR', Object.assign(new Error('gone'), { code: 'ABORT_ERR' })],
  ];

  it.each(aborts)('fails only the request that began it, with %s', async (_, abort) => {
    const { fetch, source } = await newWorld();
    const held = source.hold();
    const first = fetch();
    await held.begun;
    const joined = times(5, () => fetch());
    held.fail(abort);
    await expect(first).rejects.toBe(abort);
    expect(await Promise.all(joined)).toEqual(times(5, () => 'value'));
    expect(source.loads).toBe(2);
  });

  it('fails no other request if the one that began the next load is aborted too', async () => {
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

  it('fails no other request that joined it while it ran, and then joined a second aborted load', async () => {
    const { fetch, source } = await newWorld();
    const abort = new DOMException('gone', 'AbortError');
    const [one, two] = [source.hold(), source.hold()];
    const first = fetch();
    await one.begun;
    const joined = times(3, () => fetch());
    one.fail(abort);
    await two.begun;
    two.fail(abort);
    const settled = await Promise.allSettled([first, ...joined]);
    expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(source.loads).toBe(3);
  });

  it('differs from a failed load, whose error all joined requests share', async () => {
    const { fetch, source } = await newFaultyWorld();
    const held = source.hold();
    const seen = times(3, () => fetch());
    await held.begun;
    held.fail(new Error('no rows'));
    for (const { status } of await Promise.allSettled(seen)) expect(status).toBe('rejected');
    expect(source.loads).toBe(1);
  });
});
