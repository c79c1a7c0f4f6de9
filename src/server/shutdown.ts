import type { Log } from './log.ts';

/** Steps that take longer are abandoned. By default, Kubernetes kills after 30 s, Docker and Podman after 10. */
const deadlineMs = 15_000;

/**
 * Why everything is stopped. SIGTERM comes from an orchestrator, whose load balancer has yet to notice; for anything else a
 * person waits.
 */
export type StopReason = NodeJS.Signals | 'failure';

/** What was started, and how to stop it, in reverse order. */
export class Shutdown {
  readonly #log: Log;
  readonly #steps: { readonly what: string; readonly stop: (reason: StopReason) => Promise<void> }[] = [];
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  add(what: string, stop: (reason: StopReason) => Promise<void>): void {
    this.#steps.push({ what, stop });
  }

  /** Ctrl-C, SIGTERM and a closed terminal stop everything and end the process; the second signal ends it at once. */
  onSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#end(signal));
  }

  /** Stops everything, once. A step that fails is logged and does not prevent the others. */
  stop(reason: StopReason): Promise<void> {
    this.#stopping ??= this.#stopAll(reason);
    return this.#stopping;
  }

  #end(signal: NodeJS.Signals): void {
    if (this.#stopping !== undefined) process.exit(1);
    this.#log.info(`${signal}: stopping`);
    setTimeout(() => {
      this.#log.error(`not stopped after ${deadlineMs} ms: giving up`);
      process.exit(1);
    }, deadlineMs).unref();
    void this.stop(signal).then(() => process.exit(0));
  }

  async #stopAll(reason: StopReason): Promise<void> {
    for (const { what, stop } of this.#steps.toReversed()) {
      await stop(reason).catch((error: unknown) => this.#log.error({ err: error }, `${what} did not stop cleanly`));
    }
  }
}
