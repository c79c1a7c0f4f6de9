// Random choices that can be repeated from a seed.

export interface Dice {
  /** A random integer, 0…count−1. */
  below: (count: number) => number;
  /** True with a probability of `percent` %. */
  chance: (percent: number) => boolean;
  /** One of `items`, which must not be empty. */
  oneOf: <T>(items: readonly T[]) => T;
}

/** @param seed Any integer. The generator is Mulberry32, which is uniform enough for tests. */
export function newDice(seed: number): Dice {
  let state = seed;
  const below = (count: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * count);
  };
  const oneOf = <T>(items: readonly T[]): T => {
    const at = below(items.length);
    if (at >= items.length) throw new Error('there is nothing to choose from');
    return items[at] as T;
  };
  return { below, chance: (percent) => below(100) < percent, oneOf };
}
