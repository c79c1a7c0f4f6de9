/**
 * Detects that code in a load reads properties of a context.
 *
 * A property of the context itself becomes an accessor. Properties that it inherits or does not have (yet) are observed by a layer
 * between the context and its prototype, so that the context gets no property that it did not have. A copy or a proxy of the
 * context would be simpler, but it would be another key in the maps that libraries keep by context, and methods that use
 * private fields would fail on a proxy.
 *
 * Not detected: whether an own property exists (`in`, `Object.keys`), and what a method reads from private fields.
 */
import { types } from 'node:util';
import { noteViewerRead } from '../cache/index.ts';

type Name = string | symbol;

interface Layer {
  readonly object: object;
  readonly names: Set<Name>;
}

const layers = new WeakMap<object, Layer>();
const ourGetters = new WeakSet<object>();
let arePaused = false;
/** Whether the read that is being tested was observed; undefined while none is tested. */
let isTrySeen: boolean | undefined;

/**
 * From now on, a read of one of `names` is recorded in the load that reads it; see `noteViewerRead`.
 *
 * @returns Whether every one of them is observed: not if the context is frozen or sealed, or does not let a property be
 *   redefined, nor if it is a proxy that returns something else than the object behind it has.
 */
export function watchContext(context: object, names: Iterable<Name>): boolean {
  try {
    const layer = layerOf(context);
    if (layer === undefined) return false;
    let areSeen = true;
    for (const name of names) {
      layer.names.add(name);
      areSeen = watchOwn(context, name) && areSeen;
      if (types.isProxy(context)) areSeen = isReadSeen(context, name) && areSeen;
    }
    return areSeen;
  } catch {
    return false; // a proxy may refuse anything in its own way
  }
}

/** Stops recording reads of contexts while synchronous code of the plugin itself runs. Returns the argument of `resumeReads`. */
export function pauseReads(): boolean {
  const before = arePaused;
  arePaused = true;
  return before;
}

export function resumeReads(before: boolean): void {
  arePaused = before;
}

/** Records a read of `name`, and returns whether it is only tested: then its value does not matter. */
function note(name: Name): boolean {
  if (isTrySeen !== undefined) return (isTrySeen = true);
  if (!arePaused) noteViewerRead(String(name));
  return false;
}

/** Whether a read of `name` reaches the object behind a proxy. */
function isReadSeen(context: object, name: Name): boolean {
  isTrySeen = false;
  try {
    Reflect.get(context, name);
    return isTrySeen;
  } finally {
    isTrySeen = undefined;
  }
}

/** The layer below `context`, created if there is none; undefined if that is not possible. */
function layerOf(context: object): Layer | undefined {
  const known = layers.get(context);
  const prototype: unknown = Reflect.getPrototypeOf(context);
  if (known !== undefined && known.object === prototype) return known;
  const names = known?.names ?? new Set<Name>();
  const layer = { names, object: layerOver(prototype as object | null, names) };
  if (!Reflect.setPrototypeOf(context, layer.object)) return undefined;
  layers.set(context, layer);
  return layer;
}

/** An empty object in between, so that `instanceof` still finds the prototype. */
function layerOver(prototype: object | null, names: ReadonlySet<Name>): object {
  return new Proxy(Object.create(prototype) as object, {
    get(layer, name, receiver): unknown {
      if (names.has(name) && note(name)) return undefined;
      return Reflect.get(layer, name, receiver);
    },
    has(layer, name) {
      if (names.has(name)) note(name);
      return Reflect.has(layer, name);
    },
    set(layer, name, value, receiver: object) {
      const isSet = Reflect.set(layer, name, value, receiver);
      if (names.has(name)) watchOwn(receiver, name);
      return isSet;
    },
  });
}

/** Returns whether reads of the property are observed, by this accessor or, if the context does not have it, by the layer. */
function watchOwn(context: object, name: Name): boolean {
  const property = Object.getOwnPropertyDescriptor(context, name);
  if (property === undefined || isOurs(property)) return true;
  if (property.configurable !== true) return false;
  const accessor = accessorFor(context, name, property);
  ourGetters.add(accessor.get);
  Object.defineProperty(context, name, accessor);
  return isOurs(Object.getOwnPropertyDescriptor(context, name));
}

function isOurs(property: PropertyDescriptor | undefined): boolean {
  const getter: unknown = property === undefined ? undefined : Reflect.get(property, 'get');
  return typeof getter === 'function' && ourGetters.has(getter);
}

function accessorFor(
  context: object,
  name: Name,
  property: PropertyDescriptor,
): PropertyDescriptor & { get: () => unknown } {
  let value: unknown = property.value;
  const isReadOnly = 'value' in property ? property.writable === false : property.set === undefined;
  const set = function (this: object, next: unknown): void {
    if (property.set !== undefined) property.set.call(this, next);
    // A proxy of the context is the context.
    else if (this === context || isOurs(Object.getOwnPropertyDescriptor(this, name))) value = next;
    // A context that inherits from this one has a viewer of its own from now on.
    else Object.defineProperty(this, name, { value: next, configurable: true, enumerable: true, writable: true });
  };
  return {
    configurable: true,
    enumerable: property.enumerable === true,
    get(): unknown {
      if (note(name)) return undefined;
      return property.get === undefined ? value : property.get.call(this);
    },
    ...(isReadOnly ? {} : { set }),
  };
}
