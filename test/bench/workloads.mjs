/**
 * The requests. Every server receives the same ones in the same order: random choices come from a seed.
 *
 * `bodyAt(index)` is the body of request `index` of a workload; `samples` are bodies whose responses are compared
 * before the measurement. `isWarm` means that all values of a workload can come from the cache.
 */
const stats = 'categoryStats { id name productCount reviewCount avgRating avgPrice minPrice maxPrice totalStock }';
const top = 'topProducts { id name price category reviewCount avgRating rankInCategory }';
const product = 'id name price stock category { id name }';

const search = `query Search($q: String!, $categoryId: Int, $limit: Int!) {
  searchProducts(q: $q, categoryId: $categoryId, limit: $limit) { ${product} }
}`;
const typed = `query Large {
  topProducts(perCategory: 100, minReviews: 0) {
    __typename id name price category reviewCount avgRating rankInCategory
  }
  searchProducts(limit: 100) { __typename description ${product} }
}`;

const words = [
  'steel', 'cotton', 'wood', 'glass', 'linen', 'wool', 'plastic', 'paper', 'solar', 'silent',
  'warranty', 'repaired', 'Bergen', 'cardboard', 'batches', 'thirty', 'hand', 'set', 'bag', 'lamp',
]; // prettier-ignore
const categories = 10;
const searches = words.flatMap((q) =>
  Array.from({ length: categories }, (_, index) => ({ q, categoryId: index + 1, limit: 10 })),
);

export const workloads = {
  a: one('categoryStats', `{ ${stats} }`),
  b: one('topProducts', `{ ${top} }`),
  c: choice(
    'searchProducts, 200 different arguments',
    searches.map((variables) => bodyOf(search, variables)),
  ),
  d: one('three cached fields', `{ ${stats} ${top} searchProducts(q: "steel", limit: 10) { ${product} } }`),
  e: one('a cached field and one that reads a constant', `{ ${stats} cacheStats { backend } }`, { isWarm: false }),
  f: one(
    'a cached field, and its rows read by key',
    '{ searchProducts(q: "steel", limit: 1) { id name reviews(limit: 1) { id rating createdAt } } }',
    { isWarm: false },
  ),
  g: neverRepeated('misses only'),
  h: one('an answer of 100 kB', typed),
};

function bodyOf(query, variables) {
  return JSON.stringify({ query, ...(variables === undefined ? {} : { variables }) });
}

/** The same request each time. */
function one(title, query, { isWarm = true } = {}) {
  const body = bodyOf(query);
  return { title, isWarm, samples: [body], bodyAt: () => body };
}

/** Zipf's law with exponent 1.1: the request at rank r is sent 1/r^1.1 as often as the first one. */
function choice(title, bodies) {
  const weights = bodies.map((_, index) => 1 / (index + 1) ** 1.1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const random = seeded(1);
  const order = Uint16Array.from({ length: 20_011 }, () => {
    let left = random() * total;
    return Math.max(
      0,
      weights.findIndex((weight) => (left -= weight) < 0),
    );
  });
  return { title, isWarm: true, samples: bodies, bodyAt: (index) => bodies[order[index % order.length]] };
}

/**
 * Never the same request twice, but the same rows each time: `searchProducts` ignores case, and the twenty letters of
 * this text have a million spellings.
 */
function neverRepeated(title) {
  const text = 'stainless steel handle';
  const bodyAt = (index) => {
    let bit = 0;
    const q = text.replaceAll(/[a-z]/g, (letter) => ((index >> bit++) & 1 ? letter.toUpperCase() : letter));
    return bodyOf(search, { q, categoryId: null, limit: 10 });
  };
  // The last ones of the million, which no round reaches.
  return { title, isWarm: false, samples: [-1, -2, -3].map(bodyAt), bodyAt };
}

/** mulberry32: returns 0…1, the same sequence for the same seed. */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
