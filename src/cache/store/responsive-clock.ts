/**
 * The clock of deadlines: it counts the time during which this process could have read a reply.
 *
 * A process that is busy with a burst reads a reply long after it has arrived. That delay is its own, not the store's:
 *   1. a fetch asks the store,  2. the process executes forty requests, which takes 200 ms,  3. it reads the reply, which has
 *   been in its socket for 199 ms. By the machine's clock the deadline has passed, so the fetch would bypass the store, and load
 *   what another process is already loading.
 * So a tick of the event loop counts as 10 ms at most, however long it took. A store that does not reply still costs a
 * responsive process no more than the deadline, and a busy process as many ticks as fit into it.
 *
 * While something waits, a timer every 5 ms advances the clock; otherwise it stands still. The timer runs after everything that
 * has arrived was read (see `clock.ts`), so a reply that is in the socket always wins.
 */
import type { Clock } from '../base/clock.ts';

const tickEveryMs = 5;
/** The most that one tick counts. More than the timer's interval, so that a responsive process loses nothing to late timers. */
const tickMsMax = 10;

interface Task {
  readonly atMs: number;
  readonly run: () => void;
}

export class ResponsiveClock implements Clock {
  readonly #clock: Clock;
  readonly #tasks = new Set<Task>();
  #countedMs = 0;
  /** The time up to which the underlying clock has been counted. */
  #countedToMs = 0;
  #cancelTick = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    if (this.#tasks.size === 0) return this.#countedMs;
    return this.#countedMs + Math.min(this.#clock.nowMs() - this.#countedToMs, tickMsMax);
  }

  after(delayMs: number, run: () => void): () => void {
    const isFirst = this.#tasks.size === 0;
    if (isFirst) this.#countedToMs = this.#clock.nowMs();
    const task = { atMs: this.nowMs() + delayMs, run };
    this.#tasks.add(task);
    if (isFirst || delayMs < tickEveryMs) this.#tickLater();
    return () => this.#remove(task);
  }

  #remove(task: Task): boolean {
    const nowMs = this.nowMs();
    const isRemoved = this.#tasks.delete(task);
    if (!isRemoved || this.#tasks.size > 0) return isRemoved;
    this.#countedMs = nowMs;
    this.#cancelTick();
    return true;
  }

  #tickLater(): void {
    this.#cancelTick();
    const nextMs = Math.min(...[...this.#tasks].map(({ atMs }) => atMs)) - this.nowMs();
    this.#cancelTick = this.#clock.after(Math.max(0, Math.min(nextMs, tickEveryMs)), () => this.#tick());
  }

  #tick(): void {
    this.#countedMs = this.nowMs();
    this.#countedToMs = this.#clock.nowMs();
    const due = [...this.#tasks].filter(({ atMs }) => atMs <= this.#countedMs);
    for (const task of due) if (this.#remove(task)) task.run();
    if (this.#tasks.size > 0) this.#tickLater();
  }
}
