/**
 * Keys: one text per field, parent and arguments, and for whom the value is.
 *
 * All but the field is written in a canonical, length-prefixed encoding and hashed. Equal arguments give one
 * encoding whatever the order of their keys; values that differ never share one: each is preceded by its type and its
 * length, so that no delimiter inside a text can move the border (`{a: "1:b:2"}` and `{a: "1", b: "2"}`). No encoding is
 * the beginning of another, so that one of a private value is never one of a public value.
 */
import { hash } from 'node:crypto';
import { kindOf, received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';
import { identityOf } from './identities.ts';
import { depthMax, hasSymbolKeys, isBytes, isDate, isPlainObject } from './plain-data.ts';

/** What names a value: made by `Cache.key`. */
export interface Key {
  /** The key in the store: `shop:3f2a9c:Query:searchProducts:<hash>`. */
  readonly text: string;
  /** Whose value it is, as people say it: `Query.searchProducts`. */
  readonly field: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The identity of the parent, where the field stands on one. */
  readonly parent: ParentId | undefined;
  /** Whom alone the value is for; undefined where it is for everyone. It goes into the hash, and is written nowhere. */
  readonly viewer: ViewerId | undefined;
  /** The encoding of what it varies by besides; undefined where there is nothing. It too is written nowhere. */
  readonly vary: string | undefined;
  /** The encoding of the selection that the value was loaded for; undefined where it serves any. */
  readonly selection: string | undefined;
}

/** The identity of a parent object among those of its type. */
export type ParentId = string | number | bigint;

/** The identity of who asks among all who do: `1` and `'1'` are two, `0` and `''` are viewers like any other. */
export type ViewerId = string | number | bigint;

/** What a key is made of. */
export interface KeyParts {
  /** A digest of the shape of the values, so that another version of the program never reads this one's. */
  readonly shape?: string;
  /** `Type.field`, or any name with dots; the parts become levels of the key. */
  readonly field: string;
  readonly parent?: ParentId;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Makes the key private: of this viewer alone. */
  readonly viewer?: ViewerId;
  /** What else of a request the value depends on, such as tenant or locale. Encoded as arguments are. */
  readonly vary?: unknown;
  /** Which part of the value is asked for, where a load returns only that part. Encoded as arguments are. */
  readonly selection?: unknown;
}

/**
 * @throws {CacheError} `INVALID_KEY` for an argument that has no canonical form, such as a class instance, for a viewer
 *   that is none, and for a field whose key would be that of another field or of a token.
 */
export function createKey(namespace: string, parts: KeyParts): Key {
  checkParts(parts);
  const { shape, field, parent, args = {}, viewer } = parts;
  const levels = [namespace, ...(shape === undefined ? [] : [shape]), ...field.split('.')];
  if (field === '' || field.includes(':') || levels[1] === 'tag') {
    throw new CacheError(
      'INVALID_KEY',
      `a field is a name without ":" that is not "tag", got ${JSON.stringify(field)}`,
    );
  }
  // A viewer that is named and is not there must not make a key that is everyone's.
  if ('viewer' in parts) checkViewer(field, viewer);
  const vary = parts.vary === undefined ? undefined : canonical(parts.vary, `${field}: vary`);
  const selection = parts.selection === undefined ? undefined : canonical(parts.selection, `${field}: selection`);
  const named = { field, args, parent, viewer, vary, selection };
  const isOfField = parent === undefined && viewer === undefined && vary === undefined && selection === undefined;
  const isBare = isOfField && Object.keys(args).length === 0;
  if (!isBare) levels.push(hashOf(encodingOf(named)));
  return { text: levels.join(':'), ...named };
}

/** The parts of a key as a caller without types may pass them. */
function checkParts(parts: { readonly [Name in keyof KeyParts]: unknown }): void {
  const { field, args, parent } = parts ?? {};
  if (typeof field !== 'string') {
    throw new CacheError('INVALID_KEY', `a key needs field, a text such as "Query.books", got ${received(field)}`);
  }
  if (args !== undefined && (typeof args !== 'object' || args === null || Array.isArray(args))) {
    throw new CacheError('INVALID_KEY', `${field}: args must be an object, got ${received(args)}`);
  }
  const isParent = typeof parent === 'string' || typeof parent === 'bigint' || Number.isFinite(parent);
  // Two parents that have no id must never have one key.
  if ('parent' in parts && !isParent) {
    throw new CacheError('INVALID_KEY', `${field}: a parent is a text, a number or a bigint, got ${received(parent)}`);
  }
}

/** Whether each viewer that may see the value at `own` may see the value at `inner`, too. */
export function isVisibleTo(own: Key, inner: Key): boolean {
  const isViewerHeld = inner.viewer === undefined || inner.viewer === own.viewer;
  return isViewerHeld && (inner.vary === undefined || inner.vary === own.vary);
}

function encodingOf({ field, parent, args, viewer, vary, selection }: Omit<Key, 'text'>): string {
  const place = `${field}: arguments`;
  const own = canonical([parent, args], place);
  if (viewer === undefined && vary === undefined && selection === undefined) return own;
  return own + canonical(selection === undefined ? [viewer, vary] : [viewer, vary, selection], place);
}

/** Larger numbers are rounded, so that two viewers may have one; and NaN is what everybody has who has no number. */
function checkViewer(field: string, viewer: unknown): void {
  if (typeof viewer === 'string' || typeof viewer === 'bigint' || Number.isSafeInteger(viewer)) return;
  const got = viewer === null ? 'null' : typeof viewer === 'number' ? 'another number' : kindOf(viewer);
  throw new CacheError(
    'INVALID_KEY',
    `${field}: a viewer is a text, a whole number below 2^53 or a bigint, got ${got}`,
  );
}

/** 132 bits of SHA-256, in 22 characters. UTF-16 keeps lone surrogates apart, which UTF-8 would make one. */
function hashOf(encoding: string): string {
  return hash('sha256', Buffer.from(encoding, 'utf16le'), 'base64url').slice(0, 22);
}

/** The canonical encoding of `value`; `place` is the subject of the error. Exported for the tests of its promises. */
export function canonical(value: unknown, place: string, depth = 0): string {
  if (depth > depthMax) throw invalidArgument(place, `nested deeper than ${depthMax} levels`);
  switch (typeof value) {
    case 'undefined':
      return 'u';
    case 'boolean':
      return value ? 't' : 'f';
    case 'number':
      return sized('d', Object.is(value, -0) ? '-0' : String(value));
    case 'bigint':
      return sized('i', String(value));
    case 'string':
      return sized('s', value);
    case 'object':
      return value === null ? 'n' : canonicalObject(value, place, depth);
    default:
      throw invalidArgument(place, `a ${typeof value}`);
  }
}

function canonicalObject(value: object, place: string, depth: number): string {
  const identity = identityOf(value);
  if (identity !== undefined) return sized('e', identity);
  if (Array.isArray(value)) {
    // `map` would leave a hole out, and so lose its place.
    return `a${value.length}:${Array.from(value, (item) => canonical(item, place, depth + 1)).join('')}`;
  }
  if (isDate(value)) return sized('D', String(value.getTime()));
  if (isBytes(value)) return sized('b', Buffer.from(value).toString('latin1'));
  if (value instanceof Promise) value.catch(() => {}); // rejected here, so nobody awaits it
  if (!isPlainObject(value)) throw invalidArgument(place, `an instance of ${value.constructor?.name ?? 'a class'}`);
  if (hasSymbolKeys(value)) throw invalidArgument(place, 'an object with symbol keys');
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const pairs = entries.map(([name, item]) => sized('s', name) + canonical(item, place, depth + 1));
  return `o${entries.length}:${pairs.join('')}`;
}

function sized(type: string, text: string): string {
  return `${type}${text.length}:${text}`;
}

function invalidArgument(place: string, got: string): CacheError {
  return new CacheError('INVALID_KEY', `${place} must be JSON, bigint, Date or bytes to make a key, got ${got}`);
}
