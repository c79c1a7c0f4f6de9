/**
 * One `Cache.fetch`: what surrounds the main path, `get-or-load.ts`. If it is called inside another load, that one depends on the value. How
 * the value was obtained is an event, and is reported to the caller.
 */
import type { CacheParts } from './cache-parts.ts';
import { isVisibleTo, type Key } from './entry/key.ts';
import { onlyOf } from './entry/properties.ts';
import type { EmitEvent } from './events/events.ts';
import type { Listeners } from './events/listeners.ts';
import { checkFetch, type FetchOptions, type Only } from './fetch-options.ts';
import { eventOf, outcomeOf } from './outcome.ts';
import type { Policy } from './policy.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { Reads } from './traced-reads.ts';

type FetchesParts = Pick<CacheParts, 'clock' | 'running' | 'reads' | 'getOrLoad'>;

export class Fetches {
  readonly #parts: FetchesParts;
  readonly #emit: EmitEvent;
  readonly #listeners: Pick<Listeners, 'call'>;

  constructor(parts: FetchesParts, { emit, listeners }: { emit: EmitEvent; listeners: Pick<Listeners, 'call'> }) {
    this.#parts = parts;
    this.#emit = emit;
    this.#listeners = listeners;
  }

  /** As `Cache.fetch`. */
  async fetch<T, K extends string>(
    key: Key,
    policy: Policy,
    { load, options }: { load: () => T | Promise<T>; options: FetchOptions<K> },
  ): Promise<Only<T, K>> {
    checkFetch(key, policy, load, options);
    const outer = LoadScope.current();
    outer?.dependsOnRequest((own) => isVisibleTo(own, key), { refusal: 'viewer-dependent', what: key.field });
    const { clock, running, reads, getOrLoad } = this.#parts;
    const startedMs = clock.nowMs();
    const { mode = 'use', request, dependsOn, isAborted = outer?.isAborted, reload = load, only } = options;
    const fetchRequest = { key, policy, load, reload, dependsOn, isAborted, mode, only, request };
    const get = (): ReturnType<Reads['answer']> => getOrLoad.answer(fetchRequest, startedMs);
    const name = { cache: running, key: key.text };
    const pending = outer === undefined ? get() : outer.fetching(name, async () => await get());
    const answer = pending instanceof Promise ? await pending : pending;
    const nowMs = clock.nowMs();
    outer?.join(name, answer.stamps, nowMs + answer.ttlMs);
    if (policy.isRefilled === true) reads.note(fetchRequest, answer.stamps);
    const durationMs = nowMs - startedMs;
    this.#emit(eventOf(key, answer, durationMs));
    if (options.report !== undefined)
      this.#listeners.call(options.report, outcomeOf(key, answer, { startedMs, durationMs }));
    return (only === undefined ? answer.value : onlyOf(answer.value, only)) as Only<T, K>;
  }
}
