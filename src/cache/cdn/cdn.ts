/** Makes responses that a CDN keeps purgeable: names their tags, and purges the tags of what is invalidated. */
import { hasMethods, received } from '../base/check-options.ts';
import { systemClock } from '../base/clock.ts';
import { CacheError } from '../base/errors.ts';
import type { CacheEvent, CacheListener } from '../events/events.ts';
import { checkTags, everythingTag, tagsToDrop } from '../tags/tags.ts';
import { checkCdnOptions, type CdnOptions } from './cdn-options.ts';
import { PurgeQueue, type WaitingPurges } from './purge-queue.ts';
import { responseTags, type CdnTags, type TaggedValue } from './response-tags.ts';
import { TagNames } from './tag-names.ts';

/** The part of a `Cache` that `createCdn` needs. */
export interface PurgedCache {
  readonly namespace: string;
  on(listener: CacheListener): () => void;
  readonly emit: (event: CacheEvent) => void;
}

/** A CDN in front of a server, for one cache. `createCdn` makes one. */
export class Cdn {
  readonly #names: TagNames;
  readonly #limits: { readonly tagsMax: number; readonly charsMax: number };
  readonly #queue: PurgeQueue | undefined;
  readonly #stop: () => void;

  constructor(cache: PurgedCache, options: CdnOptions) {
    const { secret, tagsMax = 50, charsMax = 4_000, onInvalidate } = options;
    const { repeatAfterMs = 2_000, tagsPerCallMax = 30, clock = systemClock } = options;
    const { namespace, emit } = cache;
    this.#names = new TagNames({ namespace, secret });
    this.#limits = { tagsMax, charsMax };
    const { everything } = this.#names;
    if (onInvalidate !== undefined) {
      this.#queue = new PurgeQueue({ purge: onInvalidate, repeatAfterMs, tagsPerCallMax, everything, clock, emit });
    }
    this.#stop = this.#queue === undefined ? () => {} : cache.on((event) => this.#onEvent(event));
  }

  /**
   * The tags of a response that consists of these values; undefined if there are too many: then a CDN must not keep the response.
   *
   * @param values The entries of all values, such as `Outcome.entryRef`.
   */
  tagsOf(values: readonly TaggedValue[]): CdnTags | undefined {
    return responseTags(values, { names: this.#names, ...this.#limits });
  }

  /**
   * What to purge when these tags are invalidated, as `onInvalidate` receives it; for programs that purge in another way.
   *
   * @throws {CacheError} `INVALID_TAG`
   */
  purgeTagsOf(scope: readonly string[] | 'everything'): readonly string[] {
    if (scope === 'everything') return [this.#names.everything];
    checkTags('purgeTagsOf', scope);
    return tagsToDrop(scope).map((tag) => this.#names.ofTag(tag));
  }

  /** How many tags wait for a purge. */
  get waiting(): WaitingPurges {
    return this.#queue?.waiting ?? { first: 0, second: 0, retry: 0 };
  }

  /**
   * Purges at once what is still to be purged, including second purges, unless the CDN fails three times in a row, and nothing afterwards.
   * Takes five seconds at most, whatever `onInvalidate` does: then its signal is aborted. The event `purge-given-up` names what
   * was not purged.
   */
  async close(): Promise<void> {
    this.#stop();
    await this.#queue?.close();
  }

  #onEvent(event: CacheEvent): void {
    const tags = this.#purgeTagsOfEvent(event);
    if (tags.length > 0) this.#queue?.add(tags);
  }

  #purgeTagsOfEvent(event: CacheEvent): readonly string[] {
    switch (event.type) {
      case 'invalidation-pending': // the CDN need not wait for the store; when that has it, it is purged again
      case 'invalidate':
        return this.purgeTagsOf(event.tags.includes(everythingTag) ? 'everything' : event.tags);
      case 'flush-began':
        return this.purgeTagsOf('everything');
      case 'delete':
        return [...event.keys.map((key) => this.#names.ofValue(key)), this.#names.ofField(event.field)];
      case 'replace':
        return [this.#names.ofValue(event.key), this.#names.ofField(event.field)];
      default:
        return [];
    }
  }
}

/**
 * Creates what a server with a CDN in front of it needs: `httpCachingOf` and `ResponseCache` of `cachepot/pothos` send its tags, and its
 * option `onInvalidate` purges them.
 *
 * @param cache From `createCache`.
 * @throws {CacheError} `INVALID_OPTIONS`, with the name of the option, what it must be and what was received.
 */
export function createCdn(cache: PurgedCache, options: CdnOptions = {}): Cdn {
  if (!hasMethods(cache, ['on', 'emit'])) {
    throw new CacheError(
      'INVALID_OPTIONS',
      `createCdn: expected a cache, which createCache() returns, got ${received(cache)}`,
    );
  }
  checkCdnOptions(options);
  return new Cdn(cache, options);
}
