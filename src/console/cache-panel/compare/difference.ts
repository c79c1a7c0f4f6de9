/** Where two responses differ. */

/** A place where both responses have values, or only one of them has one. */
export interface Difference {
  /** Such as `categoryStats[0].avgPrice`; empty for the whole response. */
  readonly path: string;
  /** Undefined: missing. */
  readonly database: unknown;
  readonly cache: unknown;
}

/**
 * The first few differences between the `data` of two responses, in the order of the first. JSON has no other values than these, and the
 * order of an object's properties means nothing.
 */
export function differencesOf(database: unknown, cache: unknown, countMax = 5): readonly Difference[] {
  const found: Difference[] = [];
  const compare = (path: string, one: unknown, other: unknown): void => {
    if (one === other || found.length >= countMax) return;
    if (Array.isArray(one) && Array.isArray(other)) {
      const length = Math.max(one.length, other.length);
      for (let index = 0; index < length; index += 1) compare(`${path}[${index}]`, one[index], other[index]);
    } else if (isObject(one) && isObject(other)) {
      for (const name of new Set([...Object.keys(one), ...Object.keys(other)]))
        compare(path === '' ? name : `${path}.${name}`, own(one, name), own(other, name));
    } else {
      found.push({ path, database: one, cache: other });
    }
  };
  compare('', database, cache);
  return found;
}

/** An alias may be `constructor`, which every object inherits. */
function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
