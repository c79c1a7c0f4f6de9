// Which tokens this process may rely on, without a Redis: the test reports changes in place of the store.
import { describe, expect, it } from 'vitest';
import { Coherence } from '../../../src/cache/memory/coherence.ts';
import { type TokenListener } from '../../../src/cache/store/token-tracking.ts';
import { KnownTokens } from '../../../src/cache/memory/known-tokens.ts';
import { TestClock, times, tick } from '../world.ts';

describe('a token from the reply to a fetch', () => {
  function newKnown(): KnownTokens {
    const known = new KnownTokens(10_000);
    known.learnFromNowOn();
    return known;
  }
  /** The ticket of a fetch whose tokens may be learned. */
  function ticketOf(known: KnownTokens): number {
    const ticket = known.ticket();
    if (ticket === undefined) throw new Error('nothing can be learnt');
    return ticket;
  }

  it('is known until a change of its tag is reported', () => {
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
    ['a change of its tag was reported', (known) => known.forget(['a'])],
    ['a change of all tags was reported', (known) => known.forgetAll()],
    ['a new epoch has begun', (known) => (known.newEpoch(), known.learnFromNowOn())],
    ['more changes were reported than are remembered', (known) => known.forget(['a', ...times(1_001, String)])],
  ])('is not learned if %s since the read was sent', (_, change) => {
    const known = newKnown();
    const ticket = ticketOf(known);
    change(known);
    known.learn(ticket, { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(false);
    known.learn(ticketOf(known), { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(true);
  });

  it('is learned if changes of other tags were reported', () => {
    const known = newKnown();
    const ticket = ticketOf(known);
    known.forget(['b']);
    known.learn(ticket, { a: '1' });
    expect(known.areCurrent({ a: '1' })).toBe(true);
  });

  it('changes the version if it differs from the known token, before its change is reported', () => {
    const known = newKnown();
    known.learn(ticketOf(known), { a: '1' });
    const { version } = known;
    known.learn(ticketOf(known), { a: '1', b: '1' });
    expect(known.version).toBe(version);
    known.learn(ticketOf(known), { a: '2' });
    expect(known.version).not.toBe(version);
  });

  it('is not learned if its changes are not reported', () => {
    const known = newKnown();
    known.learn(ticketOf(known), { '\0a': '1' });
    expect(known.areCurrent({ '\0a': '1' })).toBe(false);
  });

  it('is forgotten if there are too many, whereas a reported change is remembered', () => {
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

describe('coherence', () => {
  it('lasts for half a second from when a received heartbeat was sent', () => {
    const { coherence, clock, listener } = newCoherence();
    listener.onConnected();
    expect(coherence.isCoherent).toBe(false);
    clock.advance(99);
    listener.onHeartbeat(1);
    expect(coherence.isCoherent).toBe(true);
    clock.advance(400);
    expect(coherence.isCoherent).toBe(true);
    clock.advance(1);
    expect(coherence.isCoherent).toBe(false);
  });

  it('is prolonged by a heartbeat every 100 ms', () => {
    const { coherence, clock, listener, heartbeats, events } = newCoherence();
    listener.onConnected();
    for (const _ of times(20, Number)) {
      listener.onHeartbeat(heartbeats.at(-1) ?? 0);
      clock.advance(100);
    }
    expect(heartbeats).toHaveLength(21);
    expect(coherence.isCoherent).toBe(true);
    expect(events).toEqual(['memory-coherent']);
  });

  it('is not prolonged by the expiry of a heartbeat, or by the heartbeat of another process', () => {
    const { coherence, clock, listener } = newCoherence();
    listener.onConnected();
    listener.onHeartbeat(1);
    clock.advance(450);
    listener.onHeartbeat(1);
    listener.onHeartbeat(77);
    clock.advance(50);
    expect(coherence.isCoherent).toBe(false);
  });

  it('is not established by a heartbeat of the previous epoch', () => {
    const { coherence, listener } = newCoherence();
    listener.onConnected();
    listener.onDisconnected();
    listener.onConnected();
    listener.onHeartbeat(1);
    expect(coherence.isCoherent).toBe(false);
    expect(coherence.known.ticket()).toBeUndefined();
    listener.onHeartbeat(2);
    expect(coherence.isCoherent).toBe(true);
    expect(coherence.known.ticket()).toBeDefined();
  });

  it('is established by a received heartbeat even if setting it was reported as failed', async () => {
    const world = newCoherence();
    world.isRefusing = true;
    world.listener.onConnected();
    await tick();
    world.listener.onHeartbeat(1);
    expect(world.coherence.isCoherent).toBe(true);
  });

  it.each<[string, (world: CoherenceWorld) => void]>([
    ['the connection ends', ({ listener }) => listener.onDisconnected()],
    ['another connection is made', ({ listener }) => listener.onConnected()],
    ['the tier is reset', ({ coherence }) => coherence.reset()],
    ['the store refuses to report changes', ({ listener }) => listener.onRefused(new Error('no'))],
    ['the tier is closed', ({ coherence }) => coherence.close()],
  ])('ends when %s, and no token is known or learned afterwards', (_, happen) => {
    const world = newCoherence();
    const { coherence, listener } = world;
    listener.onConnected();
    listener.onHeartbeat(1);
    coherence.known.learn(coherence.known.ticket() ?? -1, { a: '1' });
    expect(coherence.known.areCurrent({ a: '1' })).toBe(true);
    happen(world);
    expect(coherence.isCoherent).toBe(false);
    expect(coherence.known.areCurrent({ a: '1' })).toBe(false);
    expect(coherence.known.ticket()).toBeUndefined();
  });

  it('continues after a reported change of all tags, although no token is known then', () => {
    const { coherence, listener } = newCoherence();
    listener.onConnected();
    listener.onHeartbeat(1);
    coherence.known.learn(coherence.known.ticket() ?? -1, { a: '1' });
    listener.onChanged(undefined);
    expect(coherence.isCoherent).toBe(true);
    expect(coherence.known.areCurrent({ a: '1' })).toBe(false);
  });
});

describe('a new connection', () => {
  it('is made if a heartbeat that was set is not received for a second', async () => {
    const world = newCoherence();
    const { clock, listener } = world;
    listener.onConnected();
    for (const _ of times(10, Number)) {
      await tick();
      expect(world.reconnects).toBe(0);
      clock.advance(100);
    }
    expect(world.reconnects).toBe(1);
    expect(world.events).toEqual([]);
  });

  it('is not made if heartbeats cannot be set: the old connection may work', async () => {
    const world = newCoherence();
    world.isRefusing = true;
    world.listener.onConnected();
    for (const _ of times(30, Number)) {
      await tick();
      world.clock.advance(100);
    }
    expect(world.reconnects).toBe(0);
  });

  it('is not made if the process was blocked, and receives a heartbeat before its timers run', async () => {
    const world = newCoherence();
    const { clock, listener } = world;
    listener.onConnected();
    listener.onHeartbeat(1);
    await tick();
    clock.advance(100);
    await tick();
    listener.onHeartbeat(2); // sent before a pause of 5 s, received after it, before the tasks of the clock run
    clock.advance(5_000);
    expect(world.reconnects).toBe(0);
  });

  it('is attempted every three seconds while none is established', () => {
    const world = newCoherence();
    world.clock.advance(2_900);
    expect(world.reconnects).toBe(0);
    world.clock.advance(3_100);
    expect(world.reconnects).toBe(2);
  });

  it('is attempted a minute after the store has refused to report changes', () => {
    const world = newCoherence();
    world.listener.onRefused(new Error('no'));
    expect(world.events).toEqual(['tracking-refused']);
    world.clock.advance(59_900);
    expect(world.reconnects).toBe(0);
    world.clock.advance(100);
    expect(world.reconnects).toBe(1);
  });
});

interface CoherenceWorld {
  readonly coherence: Coherence;
  readonly clock: TestClock;
  readonly listener: TokenListener;
  readonly heartbeats: number[];
  readonly events: string[];
  reconnects: number;
  /** Whether setting a heartbeat fails. */
  isRefusing: boolean;
}

function newCoherence(): CoherenceWorld {
  const clock = new TestClock();
  const listeners: TokenListener[] = [];
  const state = { reconnects: 0, isRefusing: false, heartbeats: [] as number[], events: [] as string[] };
  const coherence = new Coherence(
    (listener) => {
      listeners.push(listener);
      return {
        async sendHeartbeat(number) {
          state.heartbeats.push(number);
          if (state.isRefusing) throw new Error('refused');
        },
        reconnect: () => void (state.reconnects += 1),
        close() {},
      };
    },
    { clock, emit: ({ type }) => state.events.push(type), tokenBytesMax: 10_000, onChanged() {}, onReplaced() {} },
  );
  const [listener] = listeners;
  if (listener === undefined) throw new Error('nobody listens');
  return Object.assign(state, { coherence, clock, listener });
}
