/**
 * The way from the source into the store: permission, load, fill.
 *
 * The tokens are captured before the load begins; the other order would let a reader
 *   1. load the old row,  2. (the tag is invalidated),  3. capture the new token and store the old row under it.
 */
import type { Background } from './base/background.ts';
import { cancellationOf, type IsAborted } from './scope/cancellation.ts';
import type { Clock } from './base/clock.ts';
import { encodeEntry } from './entry/entry.ts';
import type { EmitEvent, WriteRefusal } from './events/events.ts';
import type { Flight, Flights } from './in-flight.ts';
import type { Key } from './entry/key.ts';
import type { HeldLease, Leases, Permit } from './lease.ts';
import type { RunningLoads } from './scope/load-cycle.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { Seen } from './lookup.ts';
import type { CachedEntry, Dependency } from './entry/entry-ref.ts';
import type { Policy } from './policy.ts';
import { whyNotStored } from './events/refusals.ts';
import { PendingReply, type RequestStore } from './store/request-store.ts';
import { sentTexts } from './entry/sent-texts.ts';
import { textCharsMax, type FillReply } from './store/store.ts';
import { type FetchTags, type Stamps } from './tags/tags.ts';
import { captureStamps } from './capture-stamps.ts';
import type { TouchedTags } from './tags/touched-tags.ts';
import { UnencodableError } from './entry/unencodable.ts';

/** For how long the others load for themselves where a load failed, or gave what is never stored. */
const openMs = 1_000;

/** What was invalidated meanwhile, or not expected to be touched, is no reason not to store the next one. */
const passing: ReadonlySet<WriteRefusal> = new Set(['token-lost', 'not-captured']);

export interface Fill {
  readonly key: Key;
  readonly policy: Policy;
  readonly tags: FetchTags;
  readonly load: () => unknown;
  readonly dependsOn: Dependency | undefined;
  /** Asked when the load has failed; undefined where nothing is known of the request. */
  readonly isAborted: IsAborted | undefined;
  /**
   * What is known of the store, seen or predicted, where one process is to load for all; `anything`: load, whatever it
   * has; `no-store`: it is left alone.
   */
  readonly found: Seen | 'anything' | 'no-store';
  /** Which others may have boarded. */
  readonly flight?: Flight;
}

/** What a flight brings: a value, how it was come by, and what its entry stands on. */
export interface Filled {
  readonly value: unknown;
  /** Undefined where the value is not stored. */
  readonly stamps: Stamps | undefined;
  /** The tokens of all its tags from before its load; undefined where it was not loaded here, or not to be stored. */
  readonly captured: Stamps | undefined;
  readonly ttlMs: number;
  readonly ageMs: number;
  /** Whether another process has loaded it. */
  readonly isShared: boolean;
  /** Why the value is not stored, for the report; undefined where it is, or will be after the answer. */
  readonly notStored?: string;
  /** What a hit would have given, where a miss was predicted and there was a value. */
  readonly wasThere?: CachedEntry;
  /** The last request to come for which it is right: its load began after that, or all its tokens stood after that. */
  readonly provenFor: number;
}

export interface FillParts {
  readonly store: RequestStore;
  readonly leases: Leases;
  readonly background: Pick<Background, 'run'>;
  readonly flights: Pick<Flights<Filled>, 'arrived'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly running: RunningLoads;
  readonly touched: TouchedTags;
}

/** @throws What `load` rejects with. */
export async function fill(parts: FillParts, request: Fill): Promise<Filled> {
  const permit = await permitFor(parts, request);
  const { key, policy, tags, load, flight, found } = request;
  if (permit.leave === 'none') {
    const isPrediction = typeof found === 'object' && found.isPrediction;
    return inStore(permit, { wasThere: isPrediction && !permit.hasWaited });
  }
  const noPermit = permit.leave === 'to-load' ? whyNoPermit(parts.store, found) : '';
  const { stamps, lease } = permit.leave === 'to-store' ? permit : { stamps: undefined, lease: undefined };
  const name = { cache: parts.running, key: key.text };
  const scope = new LoadScope(name, { key, tags, captured: stamps, ttlMs: policy.ttlMs, isAborted: request.isAborted });
  if (request.dependsOn !== undefined) scope.dependOn(request.dependsOn);
  try {
    // Who has come by now gets nothing older than he asked for, whatever becomes of the tokens.
    const provenFor = parts.flights.arrived;
    const { value, loadMs } = await timedLoad(parts, key, () => scope.run(load));
    parts.touched.saw(key.field, scope.touched);
    const { ttlMs } = policy;
    const unstored = { value, stamps: undefined, captured: stamps, ttlMs, ageMs: 0, isShared: false, provenFor };
    const basis = scope.storable(parts.clock.nowMs());
    if (stamps === undefined) return { ...unstored, notStored: whyWithoutPermit(basis, noPermit) };
    const written = writtenForm(key, { value, loadMs, basis });
    if (!('refusal' in written)) return await stored(parts, key, { ...written, lease, unstored });
    refuse(parts, key, written);
    giveBack(parts, lease, passing.has(written.refusal) ? 0 : openMs);
    return { ...unstored, notStored: whyNotStored(written.refusal, written.what) };
  } catch (error) {
    // Outside of the loads around this one: to look at the request is not what they do.
    const cancellation = LoadScope.outside(() => cancellationOf(error, request.isAborted));
    if (flight !== undefined) flight.cancellation = cancellation;
    // Where everyone may load, as after a failure, each process would; after a cancellation one of them does.
    giveBack(parts, lease, cancellation === undefined ? openMs : 0);
    throw error;
  } finally {
    if (flight !== undefined) flight.isPersonal = scope.isPersonal;
  }
}

async function permitFor({ store, leases, flights, emit }: FillParts, { key, tags, found }: Fill): Promise<Permit> {
  if (found === 'no-store') return { leave: 'to-load' };
  if (found !== 'anything') return leases.acquire(key, { store, tags, seen: found, arrived: () => flights.arrived });
  const stamps = await captureStamps({ store, emit }, key, tags.all);
  return stamps === undefined ? { leave: 'to-load' } : { leave: 'to-store', lease: undefined, stamps };
}

function whyNoPermit(store: RequestStore, found: Fill['found']): string {
  if (store.isFull) return 'the store takes no new values';
  if (store.isBypassed) return 'the store is not available';
  if (store.hasRefused) return 'the store refused a command';
  if (found === 'no-store') return 'loaded for this request alone';
  return 'another process is still loading it, or the store lost its tokens';
}

/** Where the value would not be stored with a permit either, that is the reason. */
function whyWithoutPermit(basis: ReturnType<LoadScope['storable']>, noPermit: string): string {
  const isPersonal =
    'refusal' in basis && (basis.refusal === 'viewer-dependent' || basis.refusal === 'reads-selection');
  return isPersonal ? whyNotStored(basis.refusal, basis.what) : noPermit;
}

function giveBack({ background }: FillParts, lease: Permitted, forMs: number): void {
  const held = lease instanceof PendingReply ? lease.answer : Promise.resolve(lease);
  background.run(held.then((one) => one?.release(forMs)));
}

function inStore({ found, provenFor }: Permit & { leave: 'none' }, { wasThere }: { wasThere: boolean }): Filled {
  const { entry, remainingMs } = found;
  const { value, stamps, freshMs } = entry;
  const ageMs = freshMs - remainingMs;
  const filled = { value, stamps, captured: undefined, ttlMs: remainingMs, ageMs, isShared: true, provenFor };
  return wasThere ? { ...filled, wasThere: found } : filled;
}

async function timedLoad(
  { clock, emit }: FillParts,
  { text: key, field }: Key,
  load: () => unknown,
): Promise<{ value: unknown; loadMs: number }> {
  const startedMs = clock.nowMs();
  const elapsedMs = (): number => Math.round((clock.nowMs() - startedMs) * 100) / 100;
  try {
    const value = await load();
    const loadMs = elapsedMs();
    emit({ type: 'load', key, field, loadMs });
    return { value, loadMs };
  } catch (error) {
    emit({ type: 'load-failed', key, field, loadMs: elapsedMs(), error });
    throw error;
  }
}

interface Written {
  readonly text: string;
  readonly ttlMs: number;
  readonly stamps: Stamps;
}

interface Refused {
  readonly refusal: WriteRefusal;
  readonly what?: string;
  readonly error?: unknown;
}

function writtenForm(
  key: Key,
  { value, loadMs, basis }: { value: unknown; loadMs: number; basis: ReturnType<LoadScope['storable']> },
): Written | Refused {
  if ('refusal' in basis) return basis;
  try {
    const text = encodeEntry(key, { value, freshMs: basis.ttlMs, loadMs, stamps: basis.stamps });
    return text.length > textCharsMax ? { refusal: 'too-large' } : { ...basis, text };
  } catch (error) {
    // The text of it all would be longer than a text may be.
    if (error instanceof RangeError) return { refusal: 'too-large', error };
    const what = error instanceof UnencodableError ? error.what(sentTexts(key)) : 'value that could not be read';
    return { refusal: 'unencodable', what, error };
  }
}

type Permitted = HeldLease | PendingReply<HeldLease> | undefined;

interface Storing extends Written {
  readonly lease: Permitted;
  readonly unstored: Filled;
}

async function stored(parts: FillParts, key: Key, { lease, ...storing }: Storing): Promise<Filled> {
  const { text, ttlMs, stamps, unstored } = storing;
  const { store, background, flights } = parts;
  if (lease instanceof PendingReply) {
    // Nothing is left of the time that this fetch waits for its store.
    background.run(lease.answer.then((held) => held && stored(parts, key, { ...storing, lease: held })));
    return unstored;
  }
  const tags = Object.keys(stamps);
  const write = { text, ttlMs, tags };
  const { arrived } = flights;
  const told = (reply: FillReply | undefined): Filled => {
    if (reply === undefined) return { ...unstored, notStored: 'the store did not take it' };
    const { isStored, tokens } = reply;
    const provenFor = tags.every((tag, index) => tokens[index] === stamps[tag]) ? arrived : unstored.provenFor;
    if (isStored) parts.emit({ type: 'write', key: key.text, field: key.field, ttlMs, textChars: text.length });
    else refuse(parts, key, { refusal: 'lease-lost' });
    if (isStored) return { ...unstored, stamps, ttlMs, provenFor };
    return { ...unstored, provenFor, notStored: whyNotStored('lease-lost') };
  };
  lease?.letGo();
  const reply = await (lease === undefined
    ? store.write(key.text, write)
    : store.fill(key.text, { ...write, lease: lease.token }));
  if (!(reply instanceof PendingReply)) return told(reply);
  background.run(reply.answer.then(told));
  return unstored;
}

function refuse({ emit }: FillParts, { text: key, field }: Key, { refusal, ...why }: Refused): void {
  emit({ type: 'write-refused', key, field, reason: refusal, ...why });
}
