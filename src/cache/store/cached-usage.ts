/** How much the store holds, read at most once in two seconds: counting scans the whole store. */
import type { Clock } from '../base/clock.ts';
import type { StoreUsage } from './store.ts';

const keptMs = 2_000;

export class CachedUsage {
  readonly #ask: () => Promise<StoreUsage>;
  readonly #clock: Clock;
  #kept: { readonly askedMs: number; readonly answer: Promise<StoreUsage> } | undefined;

  constructor(ask: () => Promise<StoreUsage>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  get(): Promise<StoreUsage> {
    const nowMs = this.#clock.nowMs();
    if (this.#kept === undefined || nowMs - this.#kept.askedMs >= keptMs) {
      const usage = { askedMs: nowMs, answer: this.#ask() };
      usage.answer.catch(() => {
        if (this.#kept === usage) this.forget();
      });
      this.#kept = usage;
    }
    return this.#kept.answer;
  }

  forget(): void {
    this.#kept = undefined;
  }
}
