/** The documents that GraphiQL opens with. A tab is named after its operation. */

const compare = `# Every query twice: from the database, and from the
# cache. Run this twice: the first run fills the
# cache. "extensions" tells where each value came
# from, and how long that took.
query Compare {
  statsDatabase: categoryStats @cache(mode: BYPASS) {
    ...stats
  }
  statsCached: categoryStats {
    ...stats
  }

  topDatabase: topProducts(perCategory: 1)
    @cache(mode: BYPASS) {
    ...top
  }
  topCached: topProducts(perCategory: 1) {
    ...top
  }

  searchDatabase: searchProducts(q: "steel", limit: 5)
    @cache(mode: BYPASS) {
    ...product
  }
  searchCached: searchProducts(q: "steel", limit: 5) {
    ...product
  }
}

fragment stats on CategoryStats {
  id
  name
  productCount
  reviewCount
  avgRating
  avgPrice
  totalStock
}

fragment top on TopProduct {
  rankInCategory
  category
  name
  price
  avgRating
  reviewCount
}

fragment product on Product {
  id
  name
  price
  stock
  category {
    name
  }
}
`;

const search = `# Another text (below, in Variables) is another
# key, and so a miss.
# Run the same one twice to see a hit.
query Search($q: String!, $limit: Int!) {
  searchProducts(q: $q, limit: $limit) {
    id
    name
    description
    price
    category {
      name
    }
    reviews(limit: 2) {
      rating
      comment
    }
  }
}
`;

const topProducts = `# The best rated products of each category.
# Wait for a minute and run it again: the value
# has expired, and is loaded anew.
query TopProducts {
  topProducts(perCategory: 3, minReviews: 5) {
    category
    rankInCategory
    name
    price
    avgRating
    reviewCount
  }
}
`;

const stats = `# What the cache did since this process started,
# and what it holds.
query Stats {
  cacheStats {
    hits
    misses
    hitRate
    keys
    memoryUsed
    backend
    fields {
      field
      hits
      misses
      loads
      meanLoadMs
      savedMs
    }
  }
}
`;

const flush = `# Empties the cache: the next run of another tab
# is a miss.
mutation Flush {
  flushCache {
    keysRemoved
  }
}
`;

export const tabs = [
  { query: compare },
  { query: search, variables: JSON.stringify({ q: 'wireless', limit: 10 }, null, 2) },
  { query: topProducts },
  { query: stats },
  { query: flush },
];
