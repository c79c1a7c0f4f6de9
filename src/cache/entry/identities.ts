/**
 * Objects that a program knows by identity, such as the internal values of a GraphQL enum. A copy of one is another object,
 * and so no value that holds one is stored; in a key it stands under its name, since two of them may have equal contents.
 */
const names = new WeakMap<object, string>();

/**
 * Declares that `value` is known by identity.
 *
 * @param name No other such object has it, here and in other processes: `Currency.EUR`. The first name of an object holds.
 */
export function noteIdentity(value: object, name: string): void {
  if (!names.has(value)) names.set(value, name);
}

export function identityOf(value: object): string | undefined {
  return names.get(value);
}
