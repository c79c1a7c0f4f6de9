/**
 * Shadow checks: compare a value that was a hit a moment ago with what its load returns now, and report a difference that no
 * invalidation explains.
 *
 * A difference alone says nothing: a change is visible to the load before its invalidation reaches the store. So after a load whose
 * value differs, a check waits for a grace period. If the same entry is still stored then, and its tokens are still the current ones,
 * nothing has invalidated it. And the source may have been the one that was behind, such as a replica of a database, so two such loads
 * in a row have to differ:
 *
 *   read the entry, load, compare → wait → read the entry, load, compare → wait → read the entry: report
 *
 * A check ends as soon as the values are equal, or the entry is not the one of the hit any more, not valid, or expired.
 *
 * - The value is read from the store: the request may change the one that it has received. A check that waits keeps no value.
 * - Nothing is stored: the load has a scope of its own, takes no lease, and no request joins it.
 * - Two checks load at once, of two fields; the others wait for their turn (`shadow-turns.ts`). A check is dropped if a hundred are in
 *   progress, or if it has waited for ten seconds.
 * - Loads that requests wait for come first. A check loads only while the limit on loads is not reached (`bulkhead.ts`), and takes no slot, so
 *   that it delays no other load. Otherwise it is dropped; before its second load it waits, because differences are rare.
 * - After a load that failed, or was given up, its field is not checked for a while (`load-failures.ts`).
 */
import { giveUpMs, lateError } from './background-loads.ts';
import type { Background } from './base/background.ts';
import { Waits } from './base/waits.ts';
import { differencesOf } from './entry/differences.ts';
import { decodeEntry, freshMsLeft, type EntryRef } from './entry/entry.ts';
import { maskedPath, type Step } from './entry/masked-path.ts';
import { sentTexts } from './entry/sent-texts.ts';
import type { ShadowResult } from './events/events.ts';
import type { RefreshRequest } from './fetch.ts';
import { loadToCompare } from './load-to-compare.ts';
import { LoadFailures } from './load-failures.ts';
import type { LoadParts } from './load.ts';
import { ShadowTurns, type Turn } from './shadow-turns.ts';
import { tokensByTag } from './tags/validity.ts';

/** The number of checks in progress. Most of them wait. */
const checksMax = 100;
/** How long a check waits for its second load while the limit on loads is reached, and how often it tries. */
const waitMsMax = 10_000;
const retryMs = 1_000;

interface ShadowChecksParts extends LoadParts {
  readonly background: Background;
  /** How long a check waits for an invalidation that explains a difference. */
  readonly graceMs: number;
}

/** A check in progress: of this entry, which was a hit. */
interface Check {
  readonly request: RefreshRequest;
  readonly entryRef: EntryRef;
}

/** How a check has ended; `closed`: the cache was closed meanwhile. */
type End = { readonly result: Exclude<ShadowResult, 'different'> | 'closed' } | (Differing & { result: 'different' });

interface Stored {
  readonly value: unknown;
  /** How long it has been stored. */
  readonly ageMs: number;
}

interface Differing {
  readonly paths: readonly (readonly Step[])[];
  /** How long the value has been stored. */
  readonly ageMs: number;
}

export class ShadowChecks {
  readonly #parts: ShadowChecksParts;
  readonly #waits: Waits;
  /** The keys of the checks in progress. */
  readonly #keys = new Set<string>();
  readonly #turns: ShadowTurns;
  /** By field. */
  readonly #failures: LoadFailures;

  constructor(parts: ShadowChecksParts) {
    this.#parts = parts;
    this.#waits = new Waits(parts.clock);
    this.#turns = new ShadowTurns(parts.clock);
    this.#failures = new LoadFailures(parts.clock);
  }

  /** Whether a check of this key, which is one of the field, would begin now. */
  canBegin(key: string, field: string): boolean {
    return !this.#waits.isClosed && !this.#keys.has(key) && !this.#isBusy(field);
  }

  /** Begins to check an entry that was a hit, unless a check of its key is in progress, or too many are. */
  begin(request: RefreshRequest, entryRef: EntryRef): void {
    const { text: key, field } = request.key;
    const { background, emit } = this.#parts;
    if (this.#waits.isClosed || this.#keys.has(key)) return;
    if (this.#isBusy(field)) return emit({ type: 'shadow-check', key, field, result: 'skipped' });
    this.#keys.add(key);
    background.start(async () => {
      try {
        this.#report(request, await this.#check({ request, entryRef }));
      } catch (error) {
        emit({ type: 'shadow-check', key, field, result: 'failed', error });
      } finally {
        this.#keys.delete(key);
      }
    });
  }

  /** Ends all checks without a result, and waits for no load any more. */
  close(): void {
    this.#waits.close();
    this.#turns.close();
  }

  #isBusy(field: string): boolean {
    if (this.#turns.isGivenUp(field) || this.#failures.isPaused(field)) return true;
    return this.#keys.size >= checksMax || !this.#hasFreeSlot(this.#turns.size + 1);
  }

  /** Whether so many loads of checks fit into the limit on loads. */
  #hasFreeSlot(count: number): boolean {
    const { bulkhead } = this.#parts;
    return bulkhead === undefined || bulkhead.free >= count;
  }

  async #check(check: Check): Promise<End> {
    const { graceMs } = this.#parts;
    const first = await this.#compareInTurn(check, { isFirst: true });
    if ('result' in first) return first;
    await this.#waits.pause(graceMs);
    const second = await this.#compareInTurn(check, { isFirst: false });
    if ('result' in second) return second;
    await this.#waits.pause(graceMs);
    const stored = await this.#stored(check);
    return 'result' in stored ? stored : { ...second, ageMs: stored.ageMs, result: 'different' };
  }

  async #compareInTurn(check: Check, { isFirst }: { isFirst: boolean }): Promise<End | Differing> {
    const { field } = check.request.key;
    const turn = await this.#turns.acquire(field);
    if (turn === undefined) return { result: this.#waits.isClosed ? 'closed' : 'skipped' };
    try {
      if (this.#failures.isPaused(field)) return { result: 'skipped' };
      return await this.#compare(check, { isFirst, turn });
    } catch (error) {
      this.#failures.failed(field); // before the turn of the next check of this field begins
      throw error;
    } finally {
      turn.release();
    }
  }

  /** Loads the value, and compares it with the stored one. */
  async #compare(check: Check, { isFirst, turn }: { isFirst: boolean; turn: Turn }): Promise<End | Differing> {
    for (let waitedMs = 0; ; waitedMs += retryMs) {
      const stored = await this.#stored(check);
      if ('result' in stored) return stored;
      if (this.#hasFreeSlot(this.#turns.size)) return this.#compareWith(stored, check, turn);
      if (isFirst || waitedMs >= waitMsMax) return { result: 'skipped' };
      await this.#waits.pause(retryMs);
    }
  }

  async #compareWith(stored: Stored, { request, entryRef }: Check, turn: Turn): Promise<End | Differing> {
    const { bulkhead, codecs } = this.#parts;
    const run = <T>(load: () => Promise<T>): Promise<T> =>
      turn.run(bulkhead === undefined ? load : () => bulkhead.runBeside(load));
    const load = loadToCompare(this.#parts, request, { entryRef, run });
    const { field } = request.key;
    const loaded = await this.#waits.until(load, { limitMs: giveUpMs, lateError: () => lateError(field) });
    if (loaded === undefined) return { result: 'closed' };
    this.#failures.succeeded(field);
    if ('result' in loaded) return loaded;
    const paths = differencesOf(stored.value, loaded.value, codecs);
    if (paths === undefined) return { result: 'not-comparable' };
    return paths.length === 0 ? { result: 'equal' } : { paths, ageMs: stored.ageMs };
  }

  /** The value of the entry, as it is stored now; or why it is not: `explained` unless the store has not replied. */
  async #stored({
    request: { key },
    entryRef,
  }: Check): Promise<Stored | { result: 'explained' | 'skipped' | 'closed' }> {
    if (this.#waits.isClosed) return { result: 'closed' };
    const tags = Object.keys(entryRef.stamps);
    const read = await this.#parts.guarded.forFetch().read(key.text, tags, 'all');
    if (read === undefined) return { result: 'skipped' };
    const { text = '', remainingMs: lifeMs, properties } = read;
    const tokens = tokensByTag(tags, read.tokens);
    const isSame = text.startsWith(entryRef.entryId) && Buffer.byteLength(text) === entryRef.textBytes;
    const freshMs = isSame ? freshMsLeft(entryRef, lifeMs, (tag) => tokens.get(tag)) : undefined;
    const entry =
      freshMs === undefined ? undefined : decodeEntry(key, { text, lifeMs, properties }, this.#parts.codecs);
    const arePropertiesMissing = entry?.isApart === true && properties === undefined;
    if (freshMs === undefined || entry === undefined || arePropertiesMissing) return { result: 'explained' };
    return { value: entry.value, ageMs: entry.freshMs - freshMs };
  }

  #report({ key }: RefreshRequest, end: End): void {
    if (end.result === 'closed') return;
    const { text, field } = key;
    const { emit } = this.#parts;
    emit({ type: 'shadow-check', key: text, field, result: end.result });
    if (end.result !== 'different') return;
    const sent = sentTexts(key);
    const paths = [...new Set(end.paths.map((path) => maskedPath(path, sent)))];
    emit({ type: 'shadow-difference', key: text, field, paths, ageMs: end.ageMs });
  }
}
