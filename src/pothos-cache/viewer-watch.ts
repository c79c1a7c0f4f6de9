/**
 * Sees resolvers look at who asks. The context's own properties are made into accessors: a copy of the context would be
 * another key of the many maps that people keep by context, and accessors that a context came with are often gone, because
 * servers merge contexts by `Object.assign`, which reads them.
 */
import { noteViewerRead } from '../cache/index.ts';

/**
 * Watches the properties `names` of each context that it is given.
 *
 * @throws {TypeError} for a context that is frozen or sealed.
 */
export function createViewerWatch(names: readonly string[]): (context: unknown) => void {
  const watched = new WeakSet<object>();
  return (context) => {
    if (names.length === 0 || typeof context !== 'object' || context === null || watched.has(context)) return;
    for (const name of names) watch(context, name);
    watched.add(context);
  };
}

function watch(context: object, name: string): void {
  const property = propertyOf(context, name);
  let value: unknown = property?.value;
  Object.defineProperty(context, name, {
    configurable: true,
    enumerable: property?.enumerable ?? true,
    get(): unknown {
      noteViewerRead();
      return property?.get === undefined ? value : property.get.call(this);
    },
    set(next: unknown) {
      if (property?.set !== undefined) property.set.call(this, next);
      else if (this === context) value = next;
      // A context that inherits from this one has a viewer of its own from now on.
      else Object.defineProperty(this, name, { value: next, configurable: true, enumerable: true, writable: true });
    },
  });
}

/** Also of a class that the context is an instance of. */
function propertyOf(context: object, name: string): PropertyDescriptor | undefined {
  for (let object: unknown = context; typeof object === 'object' && object !== null;) {
    const property = Object.getOwnPropertyDescriptor(object, name);
    if (property !== undefined) return property;
    object = Object.getPrototypeOf(object);
  }
  return undefined;
}
