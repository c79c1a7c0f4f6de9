/**
 * Whether this process knows which tokens have changed in the store, and up to when.
 *
 * The store reports changed tokens on a connection of its own. That connection may be silent because nothing has changed, or
 * because nothing gets through any more. So a *heartbeat* is sent ten times a second: a key that is set in the store like a
 * token, and whose change is received on that connection. Messages arrive in the order of the changes, so when a heartbeat is
 * received, every change from before it was sent is known. The process is *coherent* while its last received heartbeat was
 * sent less than half a second ago.
 *
 * An *epoch* lasts as long as both connections do. A new one begins without knowledge, and learns nothing before its first
 * heartbeat is received: changes from before the store was listened to are never reported.
 */
import type { TokenTracking, TrackTokens } from '../store/token-tracking.ts';
import type { Clock } from '../base/clock.ts';
import type { EmitEvent } from '../events/events.ts';
import { KnownTokens } from './known-tokens.ts';

const heartbeatEveryMs = 100;
/** How old the last received heartbeat may be, counted from when it was sent. */
const heartbeatAgeMsMax = 500;
/** A connection on which a heartbeat is not received for this long is dead. */
const unreceivedMsMax = 1_000;
/** How long it may take until a new connection receives changes. */
const connectMsMax = 3_000;
const retryRefusedMs = 60_000;

interface CoherenceOptions {
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly tokenBytesMax: number;
  readonly onChanged: (tags: readonly string[]) => void;
  readonly onReplaced: (key: string) => void;
}

export class Coherence {
  readonly known: KnownTokens;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #tracking: TokenTracking;
  #isConnected = false;
  /** When the last attempt to connect began; in the future if none is due. */
  #connectingSinceMs: number;
  #heartbeats = 0;
  /** The heartbeats of this epoch that have not been received. */
  readonly #unreceived = new Map<number, { readonly sentMs: number; isSet: boolean }>();
  #coherentAtMs = -Infinity;
  #wasCoherent = false;
  #cancelTick = (): void => {};

  constructor(track: TrackTokens, { clock, emit, tokenBytesMax, onChanged, onReplaced }: CoherenceOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.known = new KnownTokens(tokenBytesMax);
    this.#connectingSinceMs = clock.nowMs();
    this.#tracking = track({
      onConnected: () => this.#begin(true),
      onDisconnected: () => this.#begin(false),
      onChanged: (tags) => {
        if (tags === undefined) return this.known.forgetAll();
        this.known.forget(tags);
        onChanged(tags);
      },
      onReplaced,
      onHeartbeat: (heartbeat) => this.#onHeartbeat(heartbeat),
      onRefused: (error) => {
        this.#connectingSinceMs = clock.nowMs() + retryRefusedMs - connectMsMax;
        this.#begin(false);
        emit({ type: 'tracking-refused', error });
      },
    });
    this.#scheduleTick();
  }

  /** Whether every change from before half a second ago is known. */
  get isCoherent(): boolean {
    return this.isCoherentAt(this.#clock.nowMs());
  }

  /** @param nowMs The current time of the clock. */
  isCoherentAt(nowMs: number): boolean {
    return nowMs - this.#coherentAtMs < heartbeatAgeMsMax;
  }

  /** The time since the last received heartbeat was sent; Infinity in an epoch that has received none. */
  get heartbeatAgeMs(): number {
    return this.#clock.nowMs() - this.#coherentAtMs;
  }

  /** Begins a new epoch: the store was unavailable, and may have changed. */
  reset(): void {
    this.#begin(this.#isConnected);
  }

  close(): void {
    this.#cancelTick();
    this.#tracking.close();
    this.known.newEpoch();
    this.#coherentAtMs = -Infinity;
  }

  #begin(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.known.newEpoch();
    this.#unreceived.clear();
    this.#coherentAtMs = -Infinity;
    this.#emitChange();
    if (isConnected) this.#sendHeartbeat();
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#clock.after(heartbeatEveryMs, () => {
      this.#scheduleTick();
      this.#emitChange();
      if (this.#isConnected) this.#sendOrReconnect();
      else if (this.#clock.nowMs() - this.#connectingSinceMs >= connectMsMax) this.#reconnect();
    });
  }

  #sendOrReconnect(): void {
    const oldestMs = this.#clock.nowMs() - unreceivedMsMax;
    for (const [number, { sentMs, isSet }] of this.#unreceived) {
      if (sentMs > oldestMs) break;
      if (isSet) return this.#reconnect();
      this.#unreceived.delete(number);
    }
    this.#sendHeartbeat();
  }

  #sendHeartbeat(): void {
    this.#heartbeats += 1;
    // The time before it is sent: if Redis sets the key later, it shows even more.
    const heartbeat = { sentMs: this.#clock.nowMs(), isSet: false };
    this.#unreceived.set(this.#heartbeats, heartbeat);
    this.#tracking.sendHeartbeat(this.#heartbeats).then(
      () => (heartbeat.isSet = true),
      () => {}, // it may be received nevertheless
    );
  }

  #onHeartbeat(number: number): void {
    const heartbeat = this.#unreceived.get(number);
    if (heartbeat === undefined) return; // of another epoch, or older than one that was received
    for (const earlier of this.#unreceived.keys()) if (earlier <= number) this.#unreceived.delete(earlier);
    this.#coherentAtMs = heartbeat.sentMs;
    this.known.learnFromNowOn();
    this.#emitChange();
  }

  #reconnect(): void {
    this.#connectingSinceMs = this.#clock.nowMs();
    this.#begin(false);
    this.#tracking.reconnect();
  }

  #emitChange(): void {
    const { isCoherent } = this; // once: it changes with the time
    if (isCoherent === this.#wasCoherent) return;
    this.#wasCoherent = isCoherent;
    this.#emit({ type: isCoherent ? 'memory-coherent' : 'memory-incoherent' });
  }
}
