/**
 * Objects that a program knows by identity, such as the internal values of a GraphQL enum. A copy would be another object, so
 * a value that contains one is not stored. In a key, such an object is written as its name, because two of them may have equal
 * contents.
 */
const names = new WeakMap<object, string>();

/**
 * Declares that `value` is known by identity.
 *
 * @param name Unique among such objects, in this process and in others: `Currency.EUR`. The first name of an object counts.
 */
export function noteIdentity(value: object, name: string): void {
  if (!names.has(value)) names.set(value, name);
}

export function identityOf(value: object): string | undefined {
  return names.get(value);
}
