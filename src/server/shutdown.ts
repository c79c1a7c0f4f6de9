import type { Log } from './log.ts';

/** What takes longer is given up: the orchestrator would kill it at about the same time. */
const deadlineMs = 10_000;

/** What was started, and how it is stopped: the newest first. */
export class Shutdown {
  readonly #log: Log;
  readonly #steps: { readonly what: string; readonly stop: () => Promise<void> }[] = [];
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  add(what: string, stop: () => Promise<void>): void {
    this.#steps.push({ what, stop });
  }

  /** Ctrl-C and SIGTERM stop everything and end the process; the second one does not wait. */
  onSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#end(signal));
  }

  /** Stops everything once. A step that fails is said and does not keep the others. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  #end(signal: NodeJS.Signals): void {
    if (this.#stopping !== undefined) process.exit(1);
    this.#log.info(`${signal}: stopping`);
    setTimeout(() => {
      this.#log.error(`not stopped after ${deadlineMs} ms: giving up`);
      process.exit(1);
    }, deadlineMs).unref();
    void this.stop().then(() => process.exit(0));
  }

  async #stopAll(): Promise<void> {
    for (const { what, stop } of this.#steps.toReversed()) {
      await stop().catch((error: unknown) => this.#log.error({ err: error }, `${what} did not stop cleanly`));
    }
  }
}
