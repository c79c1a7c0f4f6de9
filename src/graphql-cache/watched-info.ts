/**
 * The `info` that a cached resolver receives. It records reads of what differs between requests, because the value would be
 * returned to requests that select something else (https://github.com/graphql/graphql-js/blob/16.x.x/src/type/definition.ts,
 * `GraphQLResolveInfo`). Copying `info`, serializing it or passing it to a library reads it too, even after
 * the load.
 */
import { versionInfo, type GraphQLResolveInfo } from 'graphql';
import { noteSelectionRead, type Load } from '../cache/index.ts';
import type { Selection } from './selection.ts';

/** The same in every request, or without influence on a value: `cacheControl` is Apollo Server's. */
const harmless = new Set(['fieldName', 'parentType', 'returnType', 'schema', 'cacheControl']);

/** The properties of `info` that a selection in the key covers. */
const covered = new Set(['fieldNodes', 'fragments', 'variableValues', 'path']);

interface WatchedField {
  /** The load that it is made for; undefined if its value is neither stored nor shared. */
  readonly load: Load | undefined;
  /** The selection, if the key contains it, and `Key.selection`. */
  readonly selection: Selection | undefined;
  readonly keySelection: string | undefined;
}

/** The `info` for one load. Properties that others have added count as selection, because they are often derived from it. */
export function watchInfo(
  info: GraphQLResolveInfo,
  { load, selection, keySelection }: WatchedField,
): GraphQLResolveInfo {
  const note = (what: string, heldIn?: string): void => {
    if (load !== undefined) noteSelectionRead(load, { what: `info.${what}`, selection: heldIn });
  };
  const noteRead = (target: object, name: string | symbol): void => {
    if (typeof name === 'symbol' || harmless.has(name) || name in Object.prototype || !(name in target)) return;
    note(name, covered.has(name) ? keySelection : undefined);
  };
  const shown = selection === undefined ? info : narrowed(info, selection, () => note('variableValues'));
  return new Proxy(shown, {
    get(target, name): unknown {
      noteRead(target, name);
      return Reflect.get(target, name);
    },
    getOwnPropertyDescriptor(target, name) {
      noteRead(target, name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  });
}

/**
 * `info` with nothing of the request but the selection, so that equal keys show equal selections. Names of the request's
 * variables lead outside of it.
 */
function narrowed(info: GraphQLResolveInfo, selection: Selection, noteOutside: () => void): GraphQLResolveInfo {
  const { fieldNode, variableValues } = selection;
  return {
    ...info,
    fieldNodes: [fieldNode],
    fragments: {},
    variableValues: narrowedVariables(info.variableValues, variableValues, noteOutside),
    // A path of its own, so that libraries that keep state by path do not mix it with another field's.
    path: {
      prev: undefined,
      key: `${info.parentType.name}.${info.fieldName}:selection`,
      typename: info.parentType.name,
    },
  };
}

type Values = Readonly<Record<string, unknown>>;

/** GraphQL.js 17 has the values in `coerced`, and where each comes from in `sources`; version 16 has the values alone. */
function narrowedVariables(all: Values, own: Values, noteOutside: () => void): Record<string, unknown> {
  if (versionInfo.major < 17) return only(own, all, noteOutside);
  const { coerced, sources } = all as { readonly coerced: Values; readonly sources: Values };
  return { coerced: only(own, coerced, noteOutside), sources: only({}, sources, noteOutside) };
}

/** The values of the selection. Reading another of the request's calls `noteOutside`. */
function only(own: Values, all: Values, noteOutside: () => void): Record<string, unknown> {
  return new Proxy(own, {
    get(target, name): unknown {
      if (Object.hasOwn(target, name) || !Object.hasOwn(all, name)) return Reflect.get(target, name);
      noteOutside();
      return Reflect.get(all, name);
    },
  });
}
