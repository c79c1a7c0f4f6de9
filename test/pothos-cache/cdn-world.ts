// A shop behind a simulated CDN that is purged: its rows, its schema with and without a cache, and its responses.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { createCdn, type CdnOptions } from '../../src/cache/index.ts';
import { httpCachingOf, ResponseCache } from '../../src/pothos-cache/index.ts';
import { newWorld, tick, times, type TestClock, type World } from '../cache/world.ts';
import { CdnSimulator, type Origin } from './cdn-simulator.ts';
import { newBuilder } from './world.ts';

export const rows = 8;

/** What the database has: versions, which only grow. */
export interface Versions {
  readonly products: number[];
  readonly ratings: number[];
  other: number;
}

export interface CdnWorld extends World {
  readonly versions: Versions;
  readonly cdn: CdnSimulator;
  /** What a request that nothing caches receives. */
  readonly truth: (query: string) => Promise<string>;
  /** How long loads take from now on, and then responses on their way to the CDN, in milliseconds. */
  readonly delays: { loadMs: number; transitMs: number };
  /** Lets time pass in small steps: whatever is under way goes on. */
  readonly pass: (ms: number) => Promise<void>;
}

export async function newCdnWorld(header: 'cache-tag' | 'surrogate-key', options: CdnOptions = {}): Promise<CdnWorld> {
  const world = await newWorld('memory', { namespace: 'shop' });
  const { cache, clock } = world;
  const versions: Versions = { products: times(rows, () => 0), ratings: times(rows, () => 0), other: 0 };
  const delays = { loadMs: 0, transitMs: 0 };
  const schema = schemaOf(versions, { cache, wait: () => waitFor(clock, delays.loadMs) });
  const uncached = schemaOf(versions, { cache: undefined, wait: async () => {} });
  const tags = createCdn(cache, { clock, ...options, onInvalidate: (purged) => cdn.purge(purged) });
  const responses = new ResponseCache({ engine: cache, bytesMax: 1_000_000, hasReport: false, cdn: tags });

  const origin: Origin = async (query, ifNoneMatch) => {
    const { transitMs } = delays;
    const response = await responseTo(query, ifNoneMatch);
    await waitFor(clock, transitMs);
    return response;
  };
  const responseTo: Origin = async (query, ifNoneMatch) => {
    const cached = await responses.get(query);
    const { body, http } =
      cached === undefined ? await executed(query) : { body: cached.head + cached.body.toString(), http: cached.http };
    const headers = {
      etag: http?.etag,
      'cache-control': http?.cacheControl,
      ...(http?.cdnTags && { 'cache-tag': http.cdnTags.cacheTag, 'surrogate-key': http.cdnTags.surrogateKey }),
    };
    const isKnown = ifNoneMatch !== undefined && ifNoneMatch === http?.etag;
    return { status: isKnown ? 304 : 200, headers, body: isKnown ? '' : body };
  };
  const executed = async (query: string) => {
    const args = { schema, document: parse(query), contextValue: {} };
    const result = await execute(args);
    const http = httpCachingOf(args, result, JSON.stringify(result.data), { cdn: tags });
    const cacheable = responses.cacheable(args, result);
    if (cacheable !== undefined) responses.set(query, cacheable, { contentType: 'application/json', isGet: true });
    return { body: JSON.stringify(result), http };
  };
  const cdn = new CdnSimulator({ origin, clock, header });
  const truth = async (query: string): Promise<string> =>
    JSON.stringify(await execute({ schema: uncached, document: parse(query), contextValue: {} }));
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      clock.advance(Math.min(100, ms - passedMs));
      await tick();
    }
  };
  return { ...world, versions, cdn, truth, delays, pass };
}

async function waitFor(clock: TestClock, ms: number): Promise<void> {
  if (ms > 0) await new Promise<void>((resolve) => void clock.after(ms, resolve));
}

function schemaOf(
  versions: Versions,
  { cache, wait }: { cache: World['cache'] | undefined; wait: () => Promise<void> },
): GraphQLSchema {
  const builder = newBuilder();
  const policy = { scope: 'public', ttl: '1h', cdn: '1h' } as const;
  /** Reads, and takes its time afterwards: the value may be outdated when it is returned. */
  const read = async <T>(value: T): Promise<T> => {
    await wait();
    return value;
  };
  const Product = builder.objectRef<{ id: number; version: number }>('Product').implement({
    fields: (t) => ({
      version: t.exposeInt('version'),
      rating: t.int({
        cache: { ...policy, parentId: ({ id }) => id, tags: ({ id }) => [`ratings:${id}`] },
        resolve: ({ id }) => read(versions.ratings[id] ?? -1),
      }),
    }),
  });
  const productOf = (id: number): { id: number; version: number } => ({ id, version: versions.products[id] ?? -1 });
  builder.queryType({
    fields: (t) => ({
      product: t.field({
        type: Product,
        args: { id: t.arg.int({ required: true }) },
        cache: { ...policy, tags: (_root, { id }) => [`products:${id}`] },
        resolve: (_root, { id }) => read(productOf(id)),
      }),
      products: t.field({
        type: [Product],
        cache: { ...policy, tags: ['products'] },
        resolve: () => read(times(rows, productOf)),
      }),
      some: t.field({
        type: [Product],
        args: { ids: t.arg.intList({ required: true }) },
        cache: { ...policy, tags: (_root, { ids }) => ids.map((id) => `products:${id}`) },
        resolve: (_root, { ids }) => read(ids.map(productOf)),
      }),
      other: t.int({
        args: { n: t.arg.int() },
        cache: policy,
        resolve: () => read(versions.other),
      }),
    }),
  });
  return builder.toSchema(cache === undefined ? {} : { cache: { engine: cache } });
}
