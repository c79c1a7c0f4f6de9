// A shared HTTP cache that is purged by tags, as CDNs are: RFC 9111 as far as these tests need it.
import type { TestClock } from '../cache/world.ts';

export interface OriginResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Answers a GET. `ifNoneMatch` is the `ETag` of what the CDN has. */
export type Origin = (url: string, ifNoneMatch: string | undefined) => Promise<OriginResponse>;

export interface CdnResponse extends OriginResponse {
  /** `hit`: without asking the origin; `stale`: the same, after the time for which it was fresh. */
  readonly source: 'hit' | 'stale' | 'revalidated' | 'origin';
}

interface Kept {
  readonly response: OriginResponse;
  readonly keptAtMs: number;
}

interface SimulatorParts {
  readonly origin: Origin;
  readonly clock: TestClock;
  /** The header that it reads tags from. */
  readonly header: 'cache-tag' | 'surrogate-key';
}

export class CdnSimulator {
  readonly #parts: SimulatorParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: SimulatorParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#kept.size;
  }

  async get(url: string): Promise<CdnResponse> {
    const kept = this.#kept.get(url);
    if (kept === undefined) return await this.#ask(url, undefined);
    const { freshS, staleS } = lifetimesOf(kept.response);
    const ageS = (this.#parts.clock.nowMs() - kept.keptAtMs) / 1_000;
    if (ageS < freshS) return { ...kept.response, source: 'hit' };
    if (ageS >= freshS + staleS) return await this.#ask(url, kept);
    void this.#ask(url, kept);
    return { ...kept.response, source: 'stale' };
  }

  purge(tags: readonly string[]): void {
    for (const [url, { response }] of this.#kept) {
      if (this.#tagsOf(response).some((tag) => tags.includes(tag))) this.#kept.delete(url);
    }
  }

  async #ask(url: string, kept: Kept | undefined): Promise<CdnResponse> {
    const { origin, clock } = this.#parts;
    const received = await origin(url, kept?.response.headers['etag']);
    const isRevalidated = received.status === 304 && kept !== undefined;
    // A 304 updates the headers of what is kept.
    const response = isRevalidated
      ? { ...kept.response, headers: { ...kept.response.headers, ...received.headers } }
      : received;
    if (isStorable(response)) this.#kept.set(url, { response, keptAtMs: clock.nowMs() });
    else this.#kept.delete(url);
    return { ...response, source: isRevalidated ? 'revalidated' : 'origin' };
  }

  #tagsOf({ headers }: OriginResponse): readonly string[] {
    const { header } = this.#parts;
    return (headers[header] ?? '').split(header === 'cache-tag' ? ',' : ' ');
  }
}

function directivesOf({ headers }: OriginResponse): ReadonlyMap<string, number> {
  const directives = (headers['cache-control'] ?? '').split(',').map((one) => one.trim().split('='));
  return new Map(directives.map(([name = '', seconds = '0']) => [name, Number(seconds)]));
}

function isStorable(response: OriginResponse): boolean {
  const directives = directivesOf(response);
  return response.status === 200 && !directives.has('private') && !directives.has('no-store');
}

function lifetimesOf(response: OriginResponse): { freshS: number; staleS: number } {
  const directives = directivesOf(response);
  const freshS = directives.has('no-cache') ? 0 : (directives.get('s-maxage') ?? directives.get('max-age') ?? 0);
  const mustRevalidate = directives.has('must-revalidate') || directives.has('s-maxage') || freshS === 0;
  return { freshS, staleS: mustRevalidate ? 0 : (directives.get('stale-while-revalidate') ?? 0) };
}
