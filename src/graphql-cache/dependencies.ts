/**
 * The cached values that the results of an operation are part of, so that a cached field below one depends on it. They are found by
 * response path, because each resolver may have been wrapped on its own.
 */
import type { GraphQLResolveInfo } from 'graphql';
import type { Cache, Dependency } from '../cache/index.ts';

type Path = GraphQLResolveInfo['path'];

/** A cached value, and the engine that it is from. */
export interface ValueAbove {
  readonly engine: Cache;
  readonly dependency: Dependency;
}

const values = new WeakMap<Path, ValueAbove>();

/** Records that the result at `path` is a cached value. */
export function noteValueAt(path: Path, value: ValueAbove): void {
  values.set(path, value);
}

/** The cached value that the parent of the field at a path is part of. */
export function valueAbove({ prev }: Path): ValueAbove | undefined {
  for (let path = prev; path !== undefined; path = path.prev) {
    const value = values.get(path);
    if (value !== undefined) return value;
  }
  return undefined;
}
