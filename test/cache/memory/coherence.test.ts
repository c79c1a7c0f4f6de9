// Which tokens this process may believe, without a Redis: a store that is listened to, told by the test what it says.
import { describe, expect, it } from 'vitest';
import { Coherence } from '../../../src/cache/memory/coherence.ts';
import { type TokenListener } from '../../../src/cache/store/token-tracking.ts';
import { KnownTokens } from '../../../src/cache/memory/known-tokens.ts';
import { TestClock, times, turn } from '../world.ts';

describe('a token that a fetch has brought', () => {
  function newKnown(): KnownTokens {
    const known = new KnownTokens(10_000);
    known.learnFromNowOn();
    return known;
  }
  /** For a fetch that may be learnt from. */
  function ticketOf(known: KnownTokens): number {
    const ticket = known.ticket();
    if (ticket === undefined) throw new Error('nothing can be learnt');
    return ticket;
  }

  it('is known from then on, until its tag is told of', () => {
    const known = newKnown();
    known.learn(ticketOf(known), { a: '1', b: '2' });
    expect(known.areCurrent({ a: '1', b: '2' })).toBe(true);
    expect(known.areCurrent({ a: 'other' })).toBe(false);
    expect(known.areCurrent({ a: '1', unknown: '3' })).toBe(false);
    known.forget(['a']);
    expect(known.areCurrent({ a: '1' })).toBe(false);
    expect(known.areCurrent({ b: '2' })).toBe(true);
  });

  it.each<[string, (known: KnownTokens) => void]>([
    ['its tag was told of', (known) => known.forget(['a'])],
    ['all was told of', (known) => known.forgetAll()],
    ['a new epoch has begun', (known) => (known.newEpoch(), known.learnFromNowOn())],
    ['so many tags were told of that it is not known which', (known) => known.forget(['a', ...times(1_001, String)])],
  ])('is not learnt where %s since it was sent', (_, change) => {
    const known = newKnown();
    const ticket = ticketOf(known);
    change(known);
    known.learn(ticket, { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(false);
    known.learn(ticketOf(known), { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(true);
  });

  it('is learnt where other tags were told of', () => {
    const known = newKnown();
    const ticket = ticketOf(known);
    known.forget(['b']);
    known.learn(ticket, { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(true);
  });

  it('makes void what stood on another one, before that is told', () => {
    const known = newKnown();
    known.learn(ticketOf(known), { a: '1' });
    const { version } = known;
    known.learn(ticketOf(known), { a: '1', b: '1' });
    expect(known.version).toBe(version);
    known.learn(ticketOf(known), { a: '2' });
    expect(known.version).not.toBe(version);
  });

  it('is not learnt where its changes are not told', () => {
    const known = newKnown();
    known.learn(ticketOf(known), { '\0a': '1' });
    expect(known.areCurrent({ '\0a': '1' })).toBe(false);
  });

  it('is forgotten where there are too many, and what was told of it is not', () => {
    const known = newKnown();
    const ticket = ticketOf(known);
    known.forget(['a']);
    for (const id of times(1_000, String)) known.learn(ticketOf(known), { [id]: '1' });
    expect(known.bytes).toBeLessThanOrEqual(10_000);
    expect(known.areCurrent({ 0: '1' })).toBe(false);
    known.learn(ticket, { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(false);
  });
});

describe('what is known is proven', () => {
  it('by a probe that is heard, since it was sent', () => {
    const { coherence, clock, ears } = newCoherence();
    ears.onConnected();
    expect(coherence.isCoherent).toBe(false);
    clock.advance(99);
    ears.onHeartbeat(1);
    expect(coherence.isCoherent).toBe(true);
    clock.advance(400);
    expect(coherence.isCoherent).toBe(true);
    clock.advance(1);
    expect(coherence.isCoherent).toBe(false);
  });

  it('by one sent every 100 ms, each of which proves more', () => {
    const { coherence, clock, ears, probes, told } = newCoherence();
    ears.onConnected();
    for (const _ of times(20, Number)) {
      ears.onHeartbeat(probes.at(-1) ?? 0);
      clock.advance(100);
    }
    expect(probes).toHaveLength(21);
    expect(coherence.isCoherent).toBe(true);
    expect(told).toEqual(['memory-coherent']);
  });

  it('by no message that tells of the end of a probe, or of one that is not ours', () => {
    const { coherence, clock, ears } = newCoherence();
    ears.onConnected();
    ears.onHeartbeat(1);
    clock.advance(450);
    ears.onHeartbeat(1);
    ears.onHeartbeat(77);
    clock.advance(50);
    expect(coherence.isCoherent).toBe(false);
  });

  it('by no probe of the epoch before', () => {
    const { coherence, ears } = newCoherence();
    ears.onConnected();
    ears.onDisconnected();
    ears.onConnected();
    ears.onHeartbeat(1);
    expect(coherence.isCoherent).toBe(false);
    expect(coherence.known.ticket()).toBeUndefined();
    ears.onHeartbeat(2);
    expect(coherence.isCoherent).toBe(true);
    expect(coherence.known.ticket()).toBeDefined();
  });

  it('by a probe of which it was not said that it was set', async () => {
    const world = newCoherence();
    world.isRefusing = true;
    world.ears.onConnected();
    await turn();
    world.ears.onHeartbeat(1);
    expect(world.coherence.isCoherent).toBe(true);
  });

  it.each<[string, (world: CoherenceWorld) => void]>([
    ['the connection has ended', ({ ears }) => ears.onDisconnected()],
    ['another connection was made', ({ ears }) => ears.onConnected()],
    ['the store was away', ({ coherence }) => coherence.reset()],
    ['the store does not tell', ({ ears }) => ears.onRefused(new Error('no'))],
    ['it was closed', ({ coherence }) => coherence.close()],
  ])('no more where %s, and nothing is known or learnt then', (_, happen) => {
    const world = newCoherence();
    const { coherence, ears } = world;
    ears.onConnected();
    ears.onHeartbeat(1);
    coherence.known.learn(coherence.known.ticket() ?? -1, { a: '1' });
    expect(coherence.known.areCurrent({ a: '1' })).toBe(true);
    happen(world);
    expect(coherence.isCoherent).toBe(false);
    expect(coherence.known.areCurrent({ a: '1' })).toBe(false);
    expect(coherence.known.ticket()).toBeUndefined();
  });

  it('not after all was told to be gone: it stays proven that nothing is known', () => {
    const { coherence, ears } = newCoherence();
    ears.onConnected();
    ears.onHeartbeat(1);
    coherence.known.learn(coherence.known.ticket() ?? -1, { a: '1' });
    ears.onChanged(undefined);
    expect(coherence.isCoherent).toBe(true);
    expect(coherence.known.areCurrent({ a: '1' })).toBe(false);
  });
});

describe('another connection is made', () => {
  it('where a probe that was set is not heard for a second', async () => {
    const world = newCoherence();
    const { clock, ears } = world;
    ears.onConnected();
    for (const _ of times(10, Number)) {
      await turn();
      expect(world.reconnects).toBe(0);
      clock.advance(100);
    }
    expect(world.reconnects).toBe(1);
    expect(world.told).toEqual([]);
  });

  it('not where probes cannot be set: nothing says that it is dead', async () => {
    const world = newCoherence();
    world.isRefusing = true;
    world.ears.onConnected();
    for (const _ of times(30, Number)) {
      await turn();
      world.clock.advance(100);
    }
    expect(world.reconnects).toBe(0);
  });

  it('not where this process stood still, and hears all at once', async () => {
    const world = newCoherence();
    const { clock, ears } = world;
    ears.onConnected();
    ears.onHeartbeat(1);
    await turn();
    clock.advance(100);
    await turn();
    ears.onHeartbeat(2); // sent before a pause of five seconds, heard after it, before the clock's tasks have their turn
    clock.advance(5_000);
    expect(world.reconnects).toBe(0);
  });

  it('where none comes about for three seconds, and not before', () => {
    const world = newCoherence();
    world.clock.advance(2_900);
    expect(world.reconnects).toBe(0);
    world.clock.advance(3_100);
    expect(world.reconnects).toBe(2);
  });

  it('a minute after the store has said that it does not tell', () => {
    const world = newCoherence();
    world.ears.onRefused(new Error('no'));
    expect(world.told).toEqual(['tracking-refused']);
    world.clock.advance(59_900);
    expect(world.reconnects).toBe(0);
    world.clock.advance(100);
    expect(world.reconnects).toBe(1);
  });
});

interface CoherenceWorld {
  readonly coherence: Coherence;
  readonly clock: TestClock;
  readonly ears: TokenListener;
  readonly probes: number[];
  readonly told: string[];
  reconnects: number;
  /** Probes cannot be set. */
  isRefusing: boolean;
}

function newCoherence(): CoherenceWorld {
  const clock = new TestClock();
  const heard: TokenListener[] = [];
  const state = { reconnects: 0, isRefusing: false, probes: [] as number[], told: [] as string[] };
  const coherence = new Coherence(
    (ears) => {
      heard.push(ears);
      return {
        async sendHeartbeat(number) {
          state.probes.push(number);
          if (state.isRefusing) throw new Error('refused');
        },
        reconnect: () => void (state.reconnects += 1),
        close() {},
      };
    },
    { clock, emit: ({ type }) => state.told.push(type), tokenBytesMax: 10_000, onReplaced() {} },
  );
  const [ears] = heard;
  if (ears === undefined) throw new Error('nobody listens');
  return Object.assign(state, { coherence, clock, ears });
}
