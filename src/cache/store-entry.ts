/**
 * Stores what a load returned, if its lease is still held.
 *
 * The tokens are not checked before: a value whose token has changed during its load is stored, and never valid. The tokens in
 * the reply decide which of the requests that joined the load may receive it (`validUpTo`).
 */
import type { Background } from './base/background.ts';
import type { ClassCodecs } from './entry/class-codecs.ts';
import { encodeEntry } from './entry/entry.ts';
import type { Key } from './entry/key.ts';
import { propertyTextsOf, textCharsOf, type PropertyTexts } from './entry/properties.ts';
import { sentTexts } from './entry/sent-texts.ts';
import { UnencodableError } from './entry/unencodable.ts';
import type { EmitEvent, WriteRefusal } from './events/events.ts';
import { whyNotStored } from './events/refusals.ts';
import type { HeldLease, LeaseEnd } from './held-leases.ts';
import type { InFlightLoads } from './in-flight.ts';
import type { LoadResult } from './outcome.ts';
import type { LoadScope } from './scope/load-scope.ts';
import { PendingReply, type FetchStore } from './store/fetch-store.ts';
import { textCharsMax, type FillReply } from './store/store.ts';
import type { Stamps } from './tags/tags.ts';
import { about, traced, type OperationEnd, type TracedOperation, type Tracing } from './tracing.ts';
import { areStamps } from './tags/validity.ts';
import type { TtlRefusal } from './value-ttl.ts';

/** Reasons that do not concern the next load: a tag was invalidated meanwhile, or was not expected to be read. */
const temporary: ReadonlySet<WriteRefusal> = new Set(['token-lost', 'not-captured']);

export interface StoreParts {
  readonly background: Pick<Background, 'run'>;
  readonly loads: Pick<InFlightLoads<LoadResult>, 'sequence'>;
  readonly emit: EmitEvent;
  readonly codecs: ClassCodecs;
  readonly tracing: Tracing | undefined;
}

interface EntryTexts {
  readonly text: string;
  /** Of a value whose properties are stored apart. */
  readonly properties: PropertyTexts | undefined;
}

/** The stored form of a value. */
interface EncodedEntry extends EntryTexts {
  /** How long it is fresh, and how long it may be stale after that. */
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly stamps: Stamps;
}

/** Why a value has no stored form, or must not be stored. */
interface StoreRefusal {
  readonly refusal: WriteRefusal;
  readonly what?: string;
  readonly error?: unknown;
  /** Whether the next load may be stored. */
  readonly isTemporary: boolean;
}

type Lease = HeldLease | PendingReply<HeldLease> | undefined;

interface EntryToStore extends EncodedEntry {
  readonly key: Key;
  readonly store: FetchStore;
  readonly lease: Lease;
  /** Without a lease: see `UnleasedWrite`. */
  readonly changeId: string | undefined;
  /** See `LeasedWrite`. */
  readonly isReplacing: boolean;
  /** The result of the load if its value is not stored. */
  readonly unstored: LoadResult;
}

export function encodeForStore(
  key: Key,
  {
    value,
    loadMs,
    staleMs,
    ownTtlMs,
    storable,
    isByProperty,
    codecs,
  }: {
    readonly value: unknown;
    readonly loadMs: number;
    readonly staleMs: number;
    /** Returns the TTL of the value itself. What it depends on may end sooner. */
    readonly ownTtlMs: () => number | TtlRefusal;
    readonly storable: ReturnType<LoadScope['storable']>;
    readonly isByProperty: boolean;
    readonly codecs: ClassCodecs;
  },
): EncodedEntry | StoreRefusal {
  if ('refusal' in storable) return { ...storable, isTemporary: temporary.has(storable.refusal) };
  const { stamps, ttlMsMax } = storable;
  const ownMs = ownTtlMs();
  if (typeof ownMs !== 'number') return { ...ownMs, isTemporary: false };
  const ttlMs = Math.min(ownMs, ttlMsMax);
  try {
    const properties = isByProperty ? propertyTextsOf(value, codecs) : undefined;
    const text = encodeEntry(key, { value, properties, freshMs: ttlMs, staleMs, loadMs, stamps }, codecs);
    const isTooLarge = charsOf({ text, properties }) > textCharsMax;
    return isTooLarge ? { refusal: 'too-large', isTemporary: false } : { ttlMs, staleMs, stamps, text, properties };
  } catch (error) {
    // The text would exceed the maximum length of a string.
    if (error instanceof RangeError) return { refusal: 'too-large', error, isTemporary: false };
    const what = error instanceof UnencodableError ? error.what(sentTexts(key)) : 'value that could not be read';
    return { refusal: 'unencodable', what, error, isTemporary: false };
  }
}

function charsOf({ text, properties }: EntryTexts): number {
  return text.length + (properties === undefined ? 0 : textCharsOf(properties));
}

function bytesOf({ text, properties = new Map() }: EntryTexts): number {
  return [...properties].flat().reduce((sum, one) => sum + Buffer.byteLength(one), Buffer.byteLength(text));
}

/** Stores the entry. With a pending lease, it is stored later, if the lease is given; the request does not wait for that. */
export async function storeEntry(parts: StoreParts, request: EntryToStore): Promise<LoadResult> {
  const { key, store, lease, isReplacing, text, properties, ttlMs, staleMs, stamps, unstored } = request;
  const { background } = parts;
  if (lease instanceof PendingReply) {
    background.run(lease.answer.then((held) => held && storeEntry(parts, { ...request, lease: held })));
    return unstored;
  }
  const { sequence } = parts.loads;
  lease?.stopRenewing();
  const write = { text, properties, ttlMs: ttlMs + staleMs, tags: Object.keys(stamps) };
  const fill = (): Promise<FillReply | PendingReply<FillReply> | undefined> =>
    lease === undefined
      ? store.write(key.text, { ...write, changeId: request.changeId })
      : store.fill(key.text, { ...write, lease: lease.id, isReplacing });
  const reply = await traced(parts.tracing, { operation: fillOf(request), endOf: fillEnd }, fill);
  if (!(reply instanceof PendingReply)) return evaluate(parts, request, { reply, sequence });
  background.run(reply.answer.then((late) => evaluate(parts, request, { reply: late, sequence })));
  return unstored;
}

function fillOf({ key, stamps, ttlMs, text, properties }: EntryToStore): TracedOperation {
  return {
    type: 'fill',
    ...about(key),
    tagCount: Object.keys(stamps).length,
    ttlMs: Math.round(ttlMs),
    textChars: charsOf({ text, properties }),
  };
}

function fillEnd(reply: FillReply | PendingReply<FillReply> | undefined): OperationEnd {
  return reply === undefined || reply instanceof PendingReply ? {} : { isStored: reply.isStored };
}

/** @param answer.sequence The number of the last request that had arrived when the entry was sent. */
function evaluate(
  parts: StoreParts,
  { key, lease, text, properties, ttlMs, stamps, unstored }: EntryToStore,
  { reply, sequence }: { reply: FillReply | undefined; sequence: number },
): LoadResult {
  if (reply === undefined) {
    releaseLease(parts, lease, { openMs: 0 }); // if it is still held, other processes need not wait until it expires
    return { ...unstored, notStored: 'the store did not take it' };
  }
  const { isStored, tokens } = reply;
  const isValid = areStamps(stamps, Object.keys(stamps), tokens);
  const validUpTo = isValid ? sequence : unstored.validUpTo;
  if (!isStored) {
    refuse(parts, key, { refusal: 'lease-lost' });
    return { ...unstored, validUpTo, notStored: whyNotStored('lease-lost') };
  }
  parts.emit({ type: 'write', key: key.text, field: key.field, ttlMs, textBytes: bytesOf({ text, properties }) });
  const result = { ...unstored, stamps, ttlMs, validUpTo };
  return isValid ? result : { ...result, notStored: whyNotStored('token-lost') };
}

/** Ends the lease of a load whose value is not stored. */
export function releaseLease({ background }: StoreParts, lease: Lease, end: LeaseEnd): void {
  const held = lease instanceof PendingReply ? lease.answer : Promise.resolve(lease);
  background.run(held.then((one) => one?.release(end)));
}

export function refuse(
  { emit }: StoreParts,
  { text: key, field }: Key,
  { refusal, what, error }: Omit<StoreRefusal, 'isTemporary'>,
): void {
  const details = { ...(what === undefined ? {} : { what }), ...(error === undefined ? {} : { error }) };
  emit({ type: 'write-refused', key, field, reason: refusal, ...details });
}
