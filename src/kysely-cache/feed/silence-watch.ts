import type { Clock } from '../../cache/index.ts';

/** Notices that nothing is heard any more: TCP by itself needs a quarter of an hour. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #silenceMsMax: number;
  readonly #onSilent: () => void;
  #heardMs: number;
  #cancel: () => void;

  constructor(clock: Clock, silenceMsMax: number, onSilent: () => void) {
    this.#clock = clock;
    this.#silenceMsMax = silenceMsMax;
    this.#onSilent = onSilent;
    this.#heardMs = clock.nowMs();
    this.#cancel = clock.after(silenceMsMax, () => this.#check());
  }

  heard(): void {
    this.#heardMs = this.#clock.nowMs();
  }

  close(): void {
    this.#cancel();
  }

  #check(): void {
    const leftMs = this.#silenceMsMax - (this.#clock.nowMs() - this.#heardMs);
    if (leftMs <= 0) this.#onSilent();
    else this.#cancel = this.#clock.after(leftMs, () => this.#check());
  }
}
