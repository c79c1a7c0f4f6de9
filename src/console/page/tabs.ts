/** The documents that GraphiQL opens with. A tab is named after its operation. */

const compare = `# One request can ask both: the database, and the cache.
query Compare {
  first: categoryStats @cache(mode: BYPASS) {
    ...stats
  }
  second: categoryStats {
    ...stats
  }
}

fragment stats on CategoryStats {
  name
  productCount
  avgRating
  avgPrice
}
`;

const search = `# Each text is a key of its own: change it for a miss.
query Search {
  searchProducts(q: "steel", limit: 10) {
    name
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
query TopProducts {
  topProducts(perCategory: 3, minReviews: 5) {
    category
    rankInCategory
    name
    avgRating
    reviewCount
  }
}
`;

const changePrice = `# The next read returns the new price: run the search before and after.
mutation ChangePrice {
  updateProduct(id: 7, input: { price: "129.99" }) {
    __typename
    ... on Product {
      name
      price
    }
    ... on ShopError {
      message
    }
  }
}
`;

const addReview = `# The next read of any figure that it counts in is a miss.
mutation AddReview {
  addReview(productId: 7, rating: 5, comment: "Just right.") {
    __typename
    ... on Review {
      id
      createdAt
    }
    ... on ShopError {
      message
    }
  }
}
`;

const stats = `# Since this process started.
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

const flush = `# Empties the cache: whatever runs next is a miss.
mutation Flush {
  flushCache {
    keysRemoved
  }
}
`;

export const tabs = [compare, search, topProducts, changePrice, addReview, stats, flush].map((query) => ({ query }));
