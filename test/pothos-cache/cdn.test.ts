// A CDN that is purged by the tags of responses never has a response that the origin would not send, once the purges have been made.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CdnOptions } from '../../src/cache/index.ts';
import { tick, times } from '../cache/world.ts';
import { newCdnWorld, rows, type CdnWorld } from './cdn-world.ts';

const queries = [
  ...times(rows, (id) => `{ product(id: ${id}) { version } }`),
  '{ products { version } }',
  '{ products { rating } }',
  '{ some(ids: [1, 2, 3]) { version rating } }',
  '{ some(ids: [0, 1, 2, 3, 4, 5, 6]) { version } other }',
  '{ other }',
  '{ other(n: 1) one: product(id: 1) { version rating } two: product(id: 2) { version } }',
];

type Step =
  | { readonly type: 'get'; readonly query: string; readonly loadMs: number; readonly transitMs: number }
  | { readonly type: 'product' | 'rating'; readonly id: number }
  | { readonly type: 'products' | 'delete' | 'flush' | 'everything' }
  | { readonly type: 'pass'; readonly ms: number };

const id = fc.nat(rows - 1);
const steps = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        type: fc.constant('get' as const),
        query: fc.constantFrom(...queries),
        loadMs: fc.constantFrom(0, 0, 300, 800),
        transitMs: fc.constantFrom(0, 0, 400, 1_000),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('product' as const, 'rating' as const), id }) },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constantFrom('products' as const, 'delete' as const, 'delete' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('flush' as const, 'everything' as const) }) },
    { weight: 5, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(100, 400, 2_500) }) },
  ),
  { minLength: 20, maxLength: 80 },
);

/** Something changes, and is invalidated. */
async function change({ cache, versions }: CdnWorld, step: Exclude<Step, { type: 'get' | 'pass' }>): Promise<void> {
  const grow = (list: number[], at?: number): void =>
    list.forEach((version, index) => (list[index] = at === undefined || at === index ? version + 1 : version));
  switch (step.type) {
    case 'product':
      grow(versions.products, step.id);
      return await cache.invalidate([`products:${step.id}`]);
    case 'rating':
      grow(versions.ratings, step.id);
      return await cache.invalidate([`ratings:${step.id}`]);
    case 'products':
      grow(versions.products);
      return await cache.invalidate(['products']);
    case 'delete':
      versions.other += 1;
      await cache.delete('Query.other');
      await cache.delete('Query.other', { n: 1 });
      return;
    default:
      grow(versions.products);
      grow(versions.ratings);
      versions.other += 1;
      if (step.type === 'flush') await cache.flush();
      else await cache.invalidateCommitted('everything');
  }
}

/** The responses that the CDN serves and that a request that nothing caches would not get. */
async function outdatedAfter(world: CdnWorld, all: readonly Step[]): Promise<string[]> {
  const { cdn, delays, pass, truth } = world;
  const underWay: Promise<unknown>[] = [];
  for (const step of all) {
    if (step.type === 'pass') await pass(step.ms);
    else if (step.type === 'get') {
      Object.assign(delays, { loadMs: step.loadMs, transitMs: step.transitMs });
      underWay.push(cdn.get(step.query));
      await tick();
    } else await change(world, step);
  }
  await pass(5_000);
  await Promise.all(underWay);
  Object.assign(delays, { loadMs: 0, transitMs: 0 });
  const served = await Promise.all(queries.map(async (query) => [await cdn.get(query), await truth(query)] as const));
  return served.flatMap(([{ body, source }, current]) => (body === current ? [] : [`${source}: ${body}, ${current}`]));
}

const secret = 'a secret of 16 characters or more';

describe('in random worlds, whatever changes while responses are on their way, a CDN serves no outdated response', () => {
  it.each<['cache-tag' | 'surrogate-key', string, CdnOptions]>([
    ['cache-tag', 'with readable names', {}],
    ['surrogate-key', 'with readable names', {}],
    ['cache-tag', 'with digests', { secret }],
    ['surrogate-key', 'with few tags for each response', { tagsMax: 4 }],
    ['cache-tag', 'with so few tags that some responses have none', { tagsMax: 3 }],
    ['surrogate-key', 'with short headers and small purges', { charsMax: 100, tagsPerCallMax: 2 }],
  ])('by %s, %s', async (header, _title, options) => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const world = await newCdnWorld(header, options);
        expect(await outdatedAfter(world, all)).toEqual([]);
        hits += (await Promise.all(queries.map((query) => world.cdn.get(query)))).filter(
          ({ source }) => source === 'hit',
        ).length;
      }),
      { numRuns: 12 },
    );
    expect(hits).toBeGreaterThan(12);
  });

  it('and without the second purge it does: this test would see it', async () => {
    let outdated = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        outdated += (await outdatedAfter(await newCdnWorld('cache-tag', { repeatAfterMs: 0 }), all)).length;
      }),
      { numRuns: 12 },
    );
    expect(outdated).toBeGreaterThan(0);
  });
});

describe('a CDN', () => {
  it('serves a response without asking until one of its values changes, and not those of other rows', async () => {
    const { cache, cdn, versions } = await newCdnWorld('cache-tag');
    const ask = async (query: string): Promise<string> => {
      const { source, body } = await cdn.get(query);
      await tick();
      return `${source} ${/\d+/.exec(body)?.[0]}`;
    };
    const [one, two, all] = [
      '{ product(id: 1) { version } }',
      '{ product(id: 2) { version } }',
      '{ products { version } }',
    ];
    for (const query of [one, two, all]) expect(await ask(query)).toBe('origin 0');
    for (const query of [one, two, all]) expect(await ask(query)).toBe('hit 0');
    versions.products[1] = 7;
    await cache.invalidate(['products:1']);
    await tick();
    expect(await ask(one)).toBe('origin 7');
    expect(await ask(two)).toBe('hit 0');
    expect(await ask(all)).toBe('origin 0'); // the version of the first row, which has not changed
    await cache.invalidate(['products']);
    await tick();
    for (const query of [one, two, all]) expect(await ask(query)).toMatch(/^origin/);
  });

  it('does not keep a response that is stored, but has too many tags', async () => {
    const { cdn } = await newCdnWorld('cache-tag', { tagsMax: 3 });
    expect((await cdn.get('{ product(id: 1) { version rating } }')).headers).toEqual(
      expect.objectContaining({ 'cache-control': 'private, no-cache' }),
    );
    expect(cdn.size).toBe(0);
  });
});
