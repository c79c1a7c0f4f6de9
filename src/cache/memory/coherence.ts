/**
 * Whether what this process knows of tokens is what the store has, and since when.
 *
 * The store tells on a connection of its own which tokens have changed. A connection that is silent may be so because
 * nothing has changed, or because nothing gets through any more; therefore ten times a second a *probe* is set in the
 * store, as a token is, and heard on that connection like any change. Messages come in the order of the changes, so once a
 * probe is heard, all is known that has changed before it was sent. That moment is the *proof*, and it ages.
 *
 * An *epoch* lasts as long as both connections do. In a new one nothing is known, and nothing is learnt before its first
 * probe is heard: what has changed before the store was listened to is never told.
 */
import type { TokenTracking, TrackTokens } from '../store/token-tracking.ts';
import type { Clock } from '../base/clock.ts';
import type { EmitEvent } from '../events/events.ts';
import { KnownTokens } from './known-tokens.ts';

const probeEveryMs = 100;
/** How old a proof may be. */
const proofMsMax = 500;
/** A probe that was set and is not heard for so long tells of a connection that is dead. */
const unheardMsMax = 1_000;
/** For how long a connection may take until it is listened to. */
const connectMsMax = 3_000;
const retryRefusedMs = 60_000;

export interface CoherenceOptions {
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly tokenBytesMax: number;
  readonly onReplaced: (key: string) => void;
}

export class Coherence {
  readonly known: KnownTokens;
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #tracking: TokenTracking;
  #isListening = false;
  /** When the last try to listen began; it is later than now where none is due. */
  #connectingSinceMs: number;
  #probes = 0;
  /** The probes of this epoch that were not heard as yet. */
  readonly #unheard = new Map<number, { readonly sentMs: number; isSet: boolean }>();
  #provenAtMs = -Infinity;
  #wasProven = false;
  #cancelTick = (): void => {};

  constructor(track: TrackTokens, { clock, emit, tokenBytesMax, onReplaced }: CoherenceOptions) {
    this.#clock = clock;
    this.#emit = emit;
    this.known = new KnownTokens(tokenBytesMax);
    this.#connectingSinceMs = clock.nowMs();
    this.#tracking = track({
      onConnected: () => this.#begin(true),
      onDisconnected: () => this.#begin(false),
      onChanged: (tags) => (tags === undefined ? this.known.forgetAll() : this.known.forget(tags)),
      onReplaced: onReplaced,
      onHeartbeat: (probe) => this.#heard(probe),
      onRefused: (error) => {
        this.#connectingSinceMs = clock.nowMs() + retryRefusedMs - connectMsMax;
        this.#begin(false);
        emit({ type: 'tracking-refused', error });
      },
    });
    this.#tickLater();
  }

  /** Whether all is known that has changed up to half a second ago. */
  get isCoherent(): boolean {
    return this.isCoherentAt(this.#clock.nowMs());
  }

  /** @param nowMs What the clock says. */
  isCoherentAt(nowMs: number): boolean {
    return nowMs - this.#provenAtMs < proofMsMax;
  }

  /** Begins a new epoch: the store was away, and may not be what it was. */
  reset(): void {
    this.#begin(this.#isListening);
  }

  close(): void {
    this.#cancelTick();
    this.#tracking.close();
    this.known.newEpoch();
    this.#provenAtMs = -Infinity;
  }

  #begin(isListening: boolean): void {
    this.#isListening = isListening;
    this.known.newEpoch();
    this.#unheard.clear();
    this.#provenAtMs = -Infinity;
    this.#tell();
    if (isListening) this.#probe();
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.after(probeEveryMs, () => {
      this.#tickLater();
      this.#tell();
      if (this.#isListening) this.#probeOrReconnect();
      else if (this.#clock.nowMs() - this.#connectingSinceMs >= connectMsMax) this.#reconnect();
    });
  }

  #probeOrReconnect(): void {
    const oldestMs = this.#clock.nowMs() - unheardMsMax;
    for (const [number, { sentMs, isSet }] of this.#unheard) {
      if (sentMs > oldestMs) break;
      if (isSet) return this.#reconnect();
      this.#unheard.delete(number);
    }
    this.#probe();
  }

  #probe(): void {
    this.#probes += 1;
    // What is set later than now proves no less.
    const probe = { sentMs: this.#clock.nowMs(), isSet: false };
    this.#unheard.set(this.#probes, probe);
    this.#tracking.sendHeartbeat(this.#probes).then(
      () => (probe.isSet = true),
      () => {}, // it may be heard all the same
    );
  }

  #heard(number: number): void {
    const probe = this.#unheard.get(number);
    if (probe === undefined) return; // of another epoch, or the end of one that was heard
    for (const earlier of this.#unheard.keys()) if (earlier <= number) this.#unheard.delete(earlier);
    this.#provenAtMs = probe.sentMs;
    this.known.learnFromNowOn();
    this.#tell();
  }

  #reconnect(): void {
    this.#connectingSinceMs = this.#clock.nowMs();
    this.#begin(false);
    this.#tracking.reconnect();
  }

  #tell(): void {
    if (this.isCoherent === this.#wasProven) return;
    this.#wasProven = this.isCoherent;
    this.#emit({ type: this.#wasProven ? 'memory-coherent' : 'memory-incoherent' });
  }
}
