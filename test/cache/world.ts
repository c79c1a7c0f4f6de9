// The world of one test: a cache over a store, a clock that is advanced by hand, a source, and a trace of events.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import {
  createCache,
  createMemoryStore,
  createPolicy,
  createRedisStore,
  type Cache,
  type CacheEvent,
  type CacheLog,
  type CacheTracer,
  type Clock,
  type Codec,
  type Duration,
  type FetchOptions,
  type Outcome,
  type PolicyOptions,
  type Store,
  type ViewerId,
} from '../../src/cache/index.ts';

type Tier = Store['tier'];

/** How to open each store that the engine is tested on. */
const openers: Record<Tier, (namespace: string, clock: Clock) => Store | Promise<Store>> = {
  memory: (namespace, clock) => createMemoryStore({ namespace, clock }),
  redis: (namespace) => redisStore(namespace),
};

export const tiers = Object.keys(openers) as Tier[];

export class TestClock implements Clock {
  #nowMs = 0;
  readonly #tasks = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.#nowMs + delayMs, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  /** Runs the tasks that become due in this time, each at its own time. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = [...this.#tasks].filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** The process is busy for `byMs`: no task runs meanwhile, and those that become due run at the next `advance`. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** The time until the next task is due. */
  get nextInMs(): number {
    return Math.min(...[...this.#tasks].map(({ atMs }) => atMs)) - this.#nowMs;
  }

  /** The number of scheduled tasks. */
  get pending(): number {
    return this.#tasks.size;
  }
}

/** A load that stays in flight until the test ends it. */
export interface HeldLoad {
  /** Resolves when the load has begun. */
  readonly begun: Promise<void>;
  readonly give: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/** The slow source behind the cache: counts its loads, which return a value, reject, or wait for the test. */
export class Source {
  loads = 0;
  #answer: () => unknown = () => 'value';
  readonly #held: (() => Promise<unknown>)[] = [];

  gives(value: unknown): void {
    this.#answer = () => value;
  }

  fails(error: unknown): void {
    this.#answer = () => {
      throw error;
    };
  }

  /** Makes the next load wait. Several held loads are used in the order of the calls to `hold`. */
  hold(): HeldLoad {
    const { promise: begun, resolve: begin } = withResolvers<void>();
    const { promise: end, resolve: give, reject: fail } = withResolvers<unknown>();
    this.#held.push(() => {
      begin();
      return end;
    });
    return { begun, give, fail };
  }

  readonly load = async (): Promise<unknown> => {
    this.loads += 1;
    const held = this.#held.shift();
    return held === undefined ? this.#answer() : held();
  };
}

/** What the cache did, as text: `load write miss hit×2`. */
export class Trace {
  readonly events: CacheEvent[] = [];
  readonly #waiting = new Set<{ type: CacheEvent['type']; onEvent: () => void }>();

  constructor(cache: Cache) {
    cache.on((event) => {
      this.events.push(event);
      for (const wait of this.#waiting) if (wait.type === event.type) wait.onEvent();
    });
  }

  /** Resolves with the next event of `type`. */
  next(type: CacheEvent['type']): Promise<void> {
    return new Promise((resolve) => {
      const wait = { type, onEvent: () => (this.#waiting.delete(wait), resolve()) };
      this.#waiting.add(wait);
    });
  }

  get text(): string {
    const runs: { word: string; times: number }[] = [];
    for (const event of this.events) {
      const word = 'reason' in event ? `${event.type}(${event.reason})` : event.type;
      const last = runs.at(-1);
      if (last?.word === word) last.times += 1;
      else runs.push({ word, times: 1 });
    }
    return runs.map((run) => (run.times === 1 ? run.word : `${run.word}×${run.times}`)).join(' ');
  }

  /** The text of the events since the last call. */
  take(): string {
    const text = this.text;
    this.events.length = 0;
    return text;
  }

  count(type: CacheEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }
}

export interface FetchCall extends FetchOptions {
  readonly schemaDigest?: string;
  readonly field?: string;
  readonly args?: Record<string, unknown>;
  readonly viewer?: ViewerId;
  readonly vary?: unknown;
  readonly ttl?: PolicyOptions['ttl'];
  readonly nullTtl?: Duration | null;
  readonly jitter?: number;
  readonly stale?: Duration;
  readonly early?: boolean;
  readonly staleIfError?: Duration;
  readonly softTimeout?: Duration;
  readonly timeout?: Duration;
  readonly shadow?: number;
  readonly tags?: readonly string[];
  readonly strict?: boolean;
  readonly refill?: boolean;
  readonly fields?: boolean;
  readonly load?: () => unknown;
}

export interface World {
  readonly cache: Cache;
  readonly clock: TestClock;
  readonly source: Source;
  readonly trace: Trace;
  readonly store: Store;
  readonly namespace: string;
  /** The number of calls that the store has not answered yet. */
  readonly callsPending: () => number;
  /** Fetches from the source. Default: `Query.field`, with a TTL of 60 s. */
  readonly fetch: (options?: FetchCall) => Promise<unknown>;
  /** The value, and how it was obtained. */
  readonly outcome: (options?: FetchCall) => Promise<Outcome & { value: unknown }>;
}

/** A cache over `over`: a tier on its real store, or a store that the test provides. */
export async function newWorld(
  over: Tier | Store = 'memory',
  {
    namespace = newNamespace(),
    clock = new TestClock(),
    knownTags = [],
    memoryBytesMax = 0,
    loadsAtOnceMax = 1_000_000,
    shadowGraceMs = 3_000,
    log = false,
    random = () => 1,
    codecs = [],
    tracer,
  }: {
    namespace?: string;
    clock?: TestClock;
    knownTags?: readonly string[];
    memoryBytesMax?: number;
    loadsAtOnceMax?: number;
    shadowGraceMs?: number;
    log?: CacheLog | false;
    random?: () => number;
    codecs?: readonly Codec[];
    tracer?: CacheTracer;
  } = {},
): Promise<World> {
  const store = typeof over === 'object' ? over : await openers[over](namespace, clock);
  const { counted, callsPending } = countCalls(store);
  const cache = createCache({
    store: counted,
    clock,
    random,
    knownTags: () => knownTags,
    memoryBytesMax,
    loadsAtOnceMax,
    shadowGraceMs,
    log,
    codecs,
    ...(tracer !== undefined && { tracer }),
  });
  onTestFinished(() => closeCache(cache, clock));
  const source = new Source();
  const trace = new Trace(cache);
  const fetch = async (options: FetchCall = {}): Promise<unknown> => {
    const {
      field = 'Query.field',
      ttl = '60s',
      tags = [],
      strict = false,
      refill = false,
      nullTtl,
      jitter,
      fields = false,
      stale,
      early,
      staleIfError,
      softTimeout,
      timeout,
      shadow,
      load = source.load,
      ...rest
    } = options;
    const { mode, report, request, isAborted, dependsOn, reload, only, ...parts } = rest;
    const fetchOptions = {
      ...(mode === undefined ? {} : { mode }),
      ...(report === undefined ? {} : { report }),
      ...(request === undefined ? {} : { request }),
      ...(isAborted === undefined ? {} : { isAborted }),
      ...{ dependsOn, reload, only },
    };
    return cache.fetch(
      cache.key({ field, ...parts }),
      createPolicy(field, {
        ttl,
        nullTtl,
        jitter,
        stale,
        early,
        staleIfError,
        softTimeout,
        timeout,
        shadow,
        tags,
        strict,
        refill,
        fields,
      }),
      load,
      fetchOptions,
    );
  };
  const outcome = async (options: FetchCall = {}): Promise<Outcome & { value: unknown }> => {
    let reported: Outcome | undefined;
    const value = await fetch({ ...options, report: (result) => (reported = result) });
    if (reported === undefined) throw new Error('nothing was reported');
    return { ...reported, value };
  };
  return { cache, clock, source, trace, store, namespace, callsPending, fetch, outcome };
}

function countCalls(store: Store): { counted: Store; callsPending: () => number } {
  let pending = 0;
  const counted = new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(method, target, args);
        if (!(answer instanceof Promise)) return answer;
        pending += 1;
        const ended = (): void => void (pending -= 1);
        answer.then(ended, ended);
        return answer;
      };
    },
  });
  return { counted, callsPending: () => pending };
}

/**
 * Advances the clock in steps until `isReached`.
 *
 * The real time between two steps grows, so that even on a slow machine whatever needs real time (a reply, a new
 * connection) eventually takes less than the clock allows for it.
 */
export async function advanceUntil(clock: TestClock, stepMs: number, isReached: () => boolean): Promise<void> {
  for (let pauseMs = 25; !isReached(); pauseMs = Math.min(1.1 * pauseMs, 1_000)) {
    await pause(pauseMs);
    clock.advance(stepMs);
  }
}

/** Closes the cache. Calls that a silent store never answers end at their deadline. */
async function closeCache(cache: Cache, clock: TestClock): Promise<void> {
  const state = { isClosed: false };
  const closing = cache.close().finally(() => (state.isClosed = true));
  while (!state.isClosed) {
    await tick();
    clock.advance(100);
  }
  await closing;
}

export function newNamespace(): string {
  return `t-${randomBytes(6).toString('hex')}`;
}

/** The factor by which the leases of `redisStore` last longer than the engine requests. */
export const leaseFactor = 600;

/** A store on the Redis that all tests share, with a deadline that a busy machine meets. */
export async function redisStore(namespace: string): Promise<Store> {
  return withLongLeases(await createRedisStore({ address: inject('redisSocketPath'), namespace, deadlineMs: 20_000 }));
}

/**
 * Makes leases last ten minutes. They expire by the time of Redis, which goes on while a test's clock stands still, so
 * a machine that stalls for a second would otherwise end the lease of a load that the test holds.
 */
export function withLongLeases(store: Store): Store {
  return {
    ...store,
    acquire: (key, { leaseMs, ...request }) => store.acquire(key, { ...request, leaseMs: leaseFactor * leaseMs }),
    renew: (key, { lease, leaseMs }) => store.renew(key, { lease, leaseMs: leaseFactor * leaseMs }),
    release: (key, { openMs, ...end }) => store.release(key, { ...end, openMs: leaseFactor * openMs }),
  };
}

/** A client besides that of the store, like `redis-cli`. */
export async function redisClient(socketPath = inject('redisSocketPath')): Promise<Redis> {
  const client = new Redis({ path: socketPath, protocol: 2, lazyConnect: true });
  await client.connect();
  onTestFinished(() => client.disconnect());
  return client;
}

export async function keysOf(client: Redis, pattern: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor = '0';
  do {
    const [next, batch] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    cursor = next;
    keys.push(...batch);
  } while (cursor !== '0');
  return [...new Set(keys)].toSorted();
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** `Promise.withResolvers`, which Node 20 lacks. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** Lets two ticks pass: everything that is ready runs, then what it sends at the end of its tick. */
export async function tick(): Promise<void> {
  for (const _ of times(2, Number)) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Resolves when the cache has asked its store nothing for several ticks: everything that a call has caused has ended. */
export async function settled({ callsPending }: Pick<World, 'callsPending'>): Promise<void> {
  for (let idleTicks = 0; idleTicks < 5; idleTicks = callsPending() === 0 ? idleTicks + 1 : 0) await tick();
}

/** Time passes for the values and leases of a world: Redis has a time of its own, which does not depend on the world's clock. */
export async function age({ clock, namespace, store }: World, byMs: number): Promise<void> {
  clock.advance(byMs);
  if (store.tier === 'memory') return;
  const client = await redisClient();
  for (const key of await keysOf(client, `*${namespace}:*`)) {
    const factor = key.endsWith(':lease') ? leaseFactor : 1;
    const remainingMs = (await client.pttl(key)) - factor * byMs;
    if (key.includes(':tag:')) continue;
    if (remainingMs > 0) await client.pexpire(key, remainingMs);
    else await client.del(key);
  }
}
