/**
 * Logs the events of a cache: at most one line per minute for each kind of warning. The first warning is logged at once; those
 * of the following minute are counted, and one line at its end names their fields.
 */
import type { CacheLog } from './cache-log.ts';
import type { Clock } from '../base/clock.ts';
import type { CacheEvent } from './events.ts';
import { callbackNotice, noticeOf, type Notice } from './notices.ts';

const minuteMs = 60_000;
/** The maximum number of fields that one line names. */
const fieldsMax = 20;
/** Shorter interruptions of the memory tier are not logged. */
const incoherentMsMin = 1_000;

/** When a warning of a kind was last logged, and the warnings since then. */
interface Kind {
  readonly writtenMs: number;
  readonly withheld: Map<string, { notice: Notice; times: number }>;
  more: number;
  cancel: () => void;
}

export class EventLog {
  readonly #log: CacheLog;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, Kind>();
  /** The faults that were logged and have not ended yet. */
  readonly #faults = new Set<Notice['fault']>();
  #isMemoryLogged = false;
  #wasBypassLogged = false;
  #cancelMemory = (): void => {};

  constructor(log: CacheLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  readonly onEvent = (event: CacheEvent): void => {
    switch (event.type) {
      case 'hit':
      case 'stale':
      case 'miss':
      case 'shared':
      case 'bypass':
      case 'refresh':
      case 'refill':
      case 'load':
      case 'write':
        // Every request emits these, so their text is made only if it is logged.
        if (this.#isDebug()) this.#write(noticeOf(event));
        return;
      case 'memory-coherent':
      case 'memory-incoherent':
        return this.#onMemory(event.type === 'memory-coherent');
      default:
        return this.#onNotice(noticeOf(event));
    }
  };

  callbackFailed(error: unknown): void {
    this.#onNotice(callbackNotice(error));
  }

  /** Cancels the lines that are still to be written. */
  close(): void {
    this.#cancelMemory();
    for (const { cancel } of this.#kinds.values()) cancel();
  }

  #onNotice(notice: Notice): void {
    if (notice.level === 'warn') return this.#warn(notice);
    if (notice.level === 'debug' && !this.#isDebug()) return;
    if (notice.level === 'recovered' && !this.#faults.delete(notice.fault)) return this.#drop(notice.fault);
    this.#drop(notice.level === 'recovered' ? notice.fault : undefined);
    this.#write(notice);
  }

  #warn(notice: Notice): void {
    if (notice.isConsequence === true && this.#faults.has(notice.fault)) return;
    const kind = this.#kinds.get(notice.kind);
    const dueMs = (kind?.writtenMs ?? -Infinity) + minuteMs - this.#clock.nowMs();
    if (kind === undefined || (dueMs <= 0 && kind.withheld.size === 0)) return this.#writeFirst(notice);
    const field = notice.field ?? '';
    const counted = kind.withheld.get(field);
    if (counted !== undefined) counted.times += 1;
    else if (kind.withheld.size < fieldsMax) kind.withheld.set(field, { notice, times: 1 });
    else kind.more += 1;
    if (kind.withheld.size === 1 && counted === undefined) {
      kind.cancel = this.#clock.after(Math.max(0, dueMs), () => this.#writeWithheld(kind));
    }
  }

  #writeFirst(notice: Notice): void {
    const kind = { writtenMs: this.#clock.nowMs(), withheld: new Map(), more: 0, cancel: () => {} };
    this.#kinds.set(notice.kind, kind);
    if (notice.fault !== undefined) this.#faults.add(notice.fault);
    this.#write(notice);
  }

  #writeWithheld({ withheld, more }: Kind): void {
    const [first, ...others] = withheld.values();
    if (first === undefined) return;
    const { notice, times } = first;
    const also = [
      ...others.map((one) => `${one.notice.field} (${timesText(one.times)})`),
      ...(more > 0 ? [`other fields (${timesText(more)})`] : []),
    ];
    const rest = also.length > 0 ? `; also ${also.join(', ')}` : '';
    const message = `${notice.message} (${timesText(times)} in the last minute${rest})`;
    this.#writeFirst({ ...notice, fields: { ...notice.fields, times }, message });
  }

  /** Discards the withheld warnings of a fault that has ended. */
  #drop(fault: Notice['fault']): void {
    if (fault === undefined) return;
    for (const { withheld, cancel } of this.#kinds.values()) {
      if (![...withheld.values()].some(({ notice }) => notice.fault === fault)) continue;
      cancel();
      withheld.clear();
    }
  }

  /** Logs long interruptions only: a reconnect disables the memory tier for some milliseconds. */
  #onMemory(isCoherent: boolean): void {
    this.#cancelMemory();
    const fields = {};
    if (!isCoherent) {
      this.#cancelMemory = this.#clock.after(incoherentMsMin, () => {
        this.#isMemoryLogged = false;
        this.#wasBypassLogged = true;
        const message = 'the memory tier is bypassed: changes in Redis are not received';
        this.#write({ level: 'warn', kind: 'memory', fields, message });
      });
    } else if (!this.#isMemoryLogged) {
      this.#isMemoryLogged = true;
      const message = 'the memory tier is in use: changes in Redis are received';
      this.#write({ level: this.#wasBypassLogged ? 'recovered' : 'info', kind: 'memory', fields, message });
    }
  }

  #isDebug(): boolean {
    return this.#log.debug !== undefined && this.#log.isLevelEnabled?.('debug') === true;
  }

  #write({ level, fields, message }: Notice): void {
    try {
      const written: unknown = this.#writeAt(level, fields, message);
      if (written instanceof Promise) written.catch(() => {});
    } catch {
      // A log that fails must not fail a request, and there is nowhere to report it.
    }
  }

  #writeAt(level: Notice['level'], fields: object, message: string): unknown {
    const log = this.#log;
    if (level === 'debug') return log.debug?.(fields, message);
    if (level === 'info') return log.info?.(fields, message);
    return level === 'recovered' && log.info !== undefined ? log.info(fields, message) : log.warn(fields, message);
  }
}

function timesText(times: number): string {
  return times === 1 ? 'once' : `${times} times`;
}
