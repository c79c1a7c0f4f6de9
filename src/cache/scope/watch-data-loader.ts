/**
 * Makes DataLoaders correct whose `load` is called inside cached loads. An ordinary DataLoader is wrong there in two ways:
 *
 * - A batch runs in the context of the caller that scheduled it. What it reads, such as tables or the viewer, would count for
 *   that load only, or for none if that caller is outside of all loads, although its values are for all of its members.
 * - It memoizes: a load that began after an invalidation would receive an older row, without a tag.
 *
 * So the method `load` of the class is replaced, as OpenTelemetry's instrumentation does. That covers all instances, however
 * and whenever they are created. Outside of loads, nothing changes. Inside, the call goes to a *shadow* of the loader, which
 * inherits its batch function and options, but gathers batches of its own, whose members are all inside loads, and remembers
 * keys for one batch only. A batch of the shadow runs on behalf of the loads of its members.
 *
 * The shadow relies on private properties of DataLoader 2. A loader without them loads as before, and the values of the loads
 * that use it are not stored.
 */
import { hasMethods } from '../base/check-options.ts';
import { currentLoad, runForLoads } from './load-scope.ts';
import type { Load } from './scope.ts';
import { noteViewerRead } from './request-reads.ts';

/** The methods of the class DataLoader that are replaced, or that a shadow needs. */
interface Methods {
  load: (this: Methods, key: unknown) => Promise<unknown>;
  prime: (this: Methods, key: unknown, value: unknown) => unknown;
  readonly clear: (this: Methods, key: unknown) => unknown;
}

/** The private properties of an instance of DataLoader 2 that a shadow relies on. */
interface Loader extends Methods {
  readonly _batch: unknown;
  readonly _cacheMap: unknown;
  readonly _batchLoadFn: (keys: readonly unknown[]) => unknown;
  readonly _batchScheduleFn: (dispatch: () => void) => void;
}

/** Loads a key of one loader on behalf of the load that requests it. */
type Shadow = (key: unknown, caller: Load) => Promise<unknown>;

const methodNames = ['load', 'loadMany', 'clear', 'clearAll', 'prime'];
const watched = new WeakSet<object>();

/**
 * Makes the instances of a DataLoader class correct inside cached loads, including existing ones: what a batch reads counts for
 * the load of each of its members; a load receives nothing that the loader remembers, and leaves nothing there. Outside of
 * loads, they batch and memoize as before. A second call with the same class does nothing.
 *
 * `createCache` does this for each copy of the package `dataloader` that it finds. Call it yourself for a copy that cannot be
 * found, such as one in a bundle.
 *
 * @param dataLoader The class, or a class that extends it.
 * @throws {TypeError} if it does not have DataLoader's methods.
 */
export function watchDataLoader(dataLoader: { readonly prototype: object }): void {
  if (!isDataLoader(dataLoader)) throw new TypeError('watchDataLoader expects the class DataLoader');
  const methods = baseOf(dataLoader.prototype);
  if (watched.has(methods)) return;
  watched.add(methods);
  const { load, prime, clear } = methods;
  const shadows = new WeakMap<object, Shadow>();

  methods.load = function loadForLoad(key) {
    const caller = currentLoad();
    if (caller === undefined) return load.call(this, key);
    if (!isLoader(this)) {
      // It is not known what its batches read, and for which viewer.
      noteViewerRead();
      caller.readsUncommitted('a DataLoader of another version than 2');
      return load.call(this, key);
    }
    const shadow = shadows.get(this) ?? newShadow(this, { load, clear });
    shadows.set(this, shadow);
    return shadow(key, caller);
  };

  methods.prime = function primeOutsideLoads(key, value) {
    return currentLoad() === undefined ? prime.call(this, key, value) : this;
  };
}

/** Whether a value is a class with the methods of DataLoader. */
export function isDataLoader(value: unknown): value is { readonly prototype: Methods } {
  return typeof value === 'function' && hasLoaderMethods(value.prototype);
}

/** The prototype that the instances of all subclasses share. */
function baseOf(prototype: Methods): Methods {
  const above: unknown = Object.getPrototypeOf(prototype);
  return hasLoaderMethods(above) ? baseOf(above) : prototype;
}

function hasLoaderMethods(value: unknown): value is Methods {
  return hasMethods(value, methodNames);
}

function isLoader(loader: Methods): loader is Loader {
  return '_batch' in loader && '_cacheMap' in loader && '_batchLoadFn' in loader && '_batchScheduleFn' in loader;
}

function newShadow(original: Loader, { load, clear }: Pick<Methods, 'load' | 'clear'>): Shadow {
  /** The loads of the batch that is being gathered. */
  let members = new Set<Load>();
  let memo: Map<unknown, unknown> | null = null;
  /** The loads of the batch that is being dispatched. */
  let dispatched = members;
  const shadow = Object.create(original, {
    _batch: { value: null, writable: true },
    _cacheMap: { get: () => memo },
    // DataLoader schedules a batch before it adds the first key.
    _batchScheduleFn: {
      value(dispatch: () => void) {
        const { _batchScheduleFn: schedule, _cacheMap: ownMemo } = original;
        const membersOfBatch = new Set<Load>();
        members = membersOfBatch;
        memo = ownMemo === null ? null : new Map();
        schedule.call(original, () => {
          dispatched = membersOfBatch;
          dispatch();
        });
      },
    },
    // `dispatch` calls it before it returns.
    _batchLoadFn: {
      value(keys: readonly unknown[]) {
        const { _batchLoadFn: loadBatch } = original;
        return runForLoads([...dispatched], () => loadBatch.call(original, keys));
      },
    },
    // A batch that fails clears its keys, in the memo of the shadow even if a subclass overrides the method.
    clear: { value: clear },
  }) as Loader;
  return (key, caller) => {
    const value = load.call(shadow, key);
    members.add(caller);
    return value;
  };
}
