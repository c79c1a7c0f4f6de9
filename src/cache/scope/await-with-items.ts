/**
 * Awaits the items of lists inside the load. GraphQL awaits the items of the list that a resolver returns, and of lists
 * in it, but only after the load has ended: what these items read would not count for it.
 *
 * Promises in other places, such as the properties of an object or the items of a Set, stay as they are. The value then has
 * no stored form, and is returned to its own request only.
 */
import { awaitInContext, isThenable } from '../../async-context/index.ts';

/**
 * Calls `work` and awaits what it returns, with the items of lists, all in the caller's context.
 *
 * @returns The same value if it contains nothing to await. An item that rejects stays a rejected promise: GraphQL reports an
 *   error for that item only.
 */
export async function awaitWithItems<T>(work: () => T | PromiseLike<T>): Promise<T> {
  const value = await awaitInContext(work);
  if (!Array.isArray(value) || !holdsThenable(value, new Set())) return value;
  // The list as a hit returns it, with a value in the place of each promise.
  return (await settledList(value, [])) as T;
}

function holdsThenable(list: readonly unknown[], seen: Set<unknown>): boolean {
  seen.add(list);
  // The list may have no prototype, and so no methods of its own.
  return Array.prototype.some.call(list, (item: unknown) =>
    Array.isArray(item) ? !seen.has(item) && holdsThenable(item, seen) : isThenable(item),
  );
}

/** @param around The lists that contain it: a list that contains itself is left as it is. */
async function settledList(list: readonly unknown[], around: readonly unknown[]): Promise<unknown[]> {
  const inside = [...around, list];
  // All items start at once, in order, as in GraphQL.
  const items = Array.from(list, (item) => settledItem(item, inside));
  const settled = await Promise.allSettled(items);
  return settled.map((one, index) => (one.status === 'fulfilled' ? one.value : items[index]));
}

async function settledItem(item: unknown, around: readonly unknown[]): Promise<unknown> {
  const value = await awaitInContext(() => item);
  return Array.isArray(value) && !around.includes(value) ? await settledList(value, around) : value;
}
