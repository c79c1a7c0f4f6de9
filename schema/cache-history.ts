/**
 * What has happened to a cache in the last five minutes, besides requests, and the state of its store. At most 500 events are kept;
 * the oldest are dropped first.
 */
import type { CacheEvent, CacheListener } from '../src/cache/index.ts';
import type { WallClock } from './wall-clock.ts';

export type HistoryEventKind =
  'flush' | 'invalidation' | 'store-unavailable' | 'store-available' | 'circuit-opened' | 'circuit-closed';

export interface HistoryEvent {
  /** Milliseconds since 1970. No two events of a history have the same time. */
  readonly atMs: number;
  readonly kind: HistoryEventKind;
  /** For a person, at most 200 characters. */
  readonly detail: string;
}

/** For how long events are kept. */
const keptMs = 300_000;
/** The number of events that are kept. */
export const historyEventsMax = 500;
const detailCharsMax = 200;
/** The difference between two times that would be equal. */
const stepMs = 0.01;

export class CacheHistory {
  readonly #clock: WallClock;
  /** The oldest first. */
  #events: HistoryEvent[] = [];
  #lastMs = -Infinity;
  readonly #waiting = new Set<() => void>();
  #isStoreAvailable = true;
  #isCircuitOpen = false;

  /** @param cache The `Cache` whose events are recorded from now on. */
  constructor(cache: { on(listener: CacheListener): () => void }, clock: WallClock) {
    this.#clock = clock;
    cache.on((event) => this.#record(event));
  }

  /** Whether the store has a connection. A store without connections always has one. */
  get isStoreAvailable(): boolean {
    return this.#isStoreAvailable;
  }

  get isCircuitOpen(): boolean {
    return this.#isCircuitOpen;
  }

  /** The time now: later than that of every event so far, and earlier than that of every later one. */
  nowMs(): number {
    this.#lastMs = Math.max(this.#clock.nowMs(), this.#lastMs + stepMs);
    return this.#lastMs;
  }

  /** The events that are later than this time, the oldest first; by default all of the last five minutes. */
  eventsAfter(ms = -Infinity): readonly HistoryEvent[] {
    this.#dropOld();
    return this.#events.filter(({ atMs }) => atMs > ms);
  }

  /** Resolves once there is an event that is later than `ms`, at the latest after `delayMs`. */
  async untilEventAfter(ms: number, delayMs: number): Promise<void> {
    if (this.eventsAfter(ms).length > 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const cancel = this.#clock.after(delayMs, done);
      this.#waiting.add(done);
    });
  }

  #record(event: CacheEvent): void {
    switch (event.type) {
      case 'flush': {
        const { keysRemoved } = event;
        return this.#add('flush', keysRemoved === 1 ? '1 key removed' : `${keysRemoved} keys removed`);
      }
      case 'invalidate':
        return this.#add('invalidation', event.tags.map(shownTag).join(', '));
      // Each attempt to connect that fails is an event of the cache.
      case 'connection-failed':
        if (this.#isStoreAvailable) this.#add('store-unavailable', messageOf(event.error));
        this.#isStoreAvailable = false;
        return;
      case 'connection-ready':
        if (!this.#isStoreAvailable) this.#add('store-available', 'connected again');
        this.#isStoreAvailable = true;
        return;
      case 'breaker-opened':
        this.#isCircuitOpen = true;
        return this.#add('circuit-opened', 'the store fails too often: requests bypass it');
      case 'breaker-closed':
        this.#isCircuitOpen = false;
        return this.#add('circuit-closed', 'the store replies again');
      default:
    }
  }

  #add(kind: HistoryEventKind, detail: string): void {
    this.#events.push({ atMs: this.nowMs(), kind, detail: shortened(detail) });
    if (this.#events.length > historyEventsMax) this.#events.shift();
    this.#dropOld();
    for (const done of this.#waiting) done();
  }

  #dropOld(): void {
    const firstMs = this.#clock.nowMs() - keptMs;
    const [oldest] = this.#events;
    if (oldest !== undefined && oldest.atMs < firstMs)
      this.#events = this.#events.filter(({ atMs }) => atMs >= firstMs);
  }
}

/** Everything has a tag of its own, which no field can have. */
function shownTag(tag: string): string {
  return tag === '*' ? 'everything' : tag;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no connection';
}

function shortened(text: string): string {
  return text.length <= detailCharsMax ? text : `${text.slice(0, detailCharsMax - 1)}…`;
}
