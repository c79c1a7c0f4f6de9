// Random choices that a seed repeats.

export interface Dice {
  /** 0…count−1. */
  below: (count: number) => number;
  /** Whether something happens that does so in `percent` of all cases. */
  chance: (percent: number) => boolean;
  /** One of `items`, which has one or more. */
  oneOf: <T>(items: readonly T[]) => T;
}

/** @param seed Any integer. The generator is Mulberry32, whose choices are even enough for tests. */
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
