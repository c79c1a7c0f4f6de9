/**
 * The key of a value: its field, parent and arguments, and for whom it is.
 *
 * Everything except the field is written in a canonical, length-prefixed encoding and hashed. Equal arguments have one
 * encoding, whatever the order of their names. Different values never share an encoding: each value is preceded by its type
 * and length, so that no delimiter inside a text can shift a boundary (`{a: "1:b:2"}` and `{a: "1", b: "2"}`). No encoding is
 * a prefix of another, so the encoding of a private value never equals that of a public one. An instance of a class is encoded as the
 * name of its codec and the data that the codec makes of it.
 */
import { hash } from 'node:crypto';
import { types } from 'node:util';
import { kindOf, received } from '../base/check-options.ts';
import { CacheError } from '../base/errors.ts';
import { noCodecs, type ClassCodecs } from './class-codecs.ts';
import { ignorePromisesIn } from './ignored-promises.ts';
import { copyOfArguments } from './copy-of-arguments.ts';
import { depthMax, excessOf, identityOf, isBytes, isDate } from './plain-data.ts';

/** The key of a value. Created by `Cache.key`. */
export interface Key {
  /** The key in the store: `shop:3f2a9c:Query:searchProducts:<hash>`. */
  readonly text: string;
  /** The field, as in a schema: `Query.searchProducts`. */
  readonly field: string;
  /** A copy: it stays as it is when a caller changes the arguments it passed. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The identity of the parent object; undefined for a field without one. */
  readonly parent: ParentId | undefined;
  /** The only viewer that the value is for; undefined for a public value. Hashed, never written in plain text. */
  readonly viewer: ViewerId | undefined;
  /** The encoding of what else the value varies by; undefined if nothing. Hashed, never written in plain text. */
  readonly vary: string | undefined;
  /** The encoding of the selection that the value was loaded for; undefined if it serves every selection. */
  readonly selection: string | undefined;
}

/** Identifies a parent object among those of its type. */
export type ParentId = string | number | bigint;

/** Identifies a viewer. `1` and `'1'` are two viewers; `0` and `''` are viewers like any other. */
export type ViewerId = string | number | bigint;

/** What a key consists of. */
export interface KeyParts {
  /** A digest of the schema, so that no version of a program reads values of another one's shape. */
  readonly schemaDigest?: string;
  /** `Type.field`, or any name with dots; its parts become levels of the key. */
  readonly field: string;
  readonly parent?: ParentId;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Makes the value private to this viewer. */
  readonly viewer?: ViewerId;
  /** What else of a request the value depends on, such as the tenant or the locale. Encoded like arguments. */
  readonly vary?: unknown;
  /** The part of the value that is requested, if the load returns only that part. Encoded like arguments. */
  readonly selection?: unknown;
}

/**
 * @param codecs Instances that a codec encodes are part of the key as their data.
 * @throws {CacheError} `INVALID_KEY` for an argument without a canonical form, such as an instance of a class without a codec, for an
 *   invalid viewer, and for a field whose key would equal that of another field or of a token.
 */
export function createKey(namespace: string, parts: KeyParts, codecs: ClassCodecs = noCodecs): Key {
  checkParts(parts);
  const { schemaDigest, field, parent, args = {}, viewer } = parts;
  const levels = [namespace, ...(schemaDigest === undefined ? [] : [schemaDigest]), ...field.split('.')];
  if (field === '' || field.includes(':') || levels[1] === 'tag') {
    throw new CacheError(
      'INVALID_KEY',
      `a field is a name without ":" that is not "tag", got ${JSON.stringify(field)}`,
    );
  }
  // A viewer that is given but undefined must not make a public key.
  if ('viewer' in parts) checkViewer(field, viewer);
  const vary = parts.vary === undefined ? undefined : canonical(parts.vary, { name: `${field}: vary`, codecs });
  const selection =
    parts.selection === undefined ? undefined : canonical(parts.selection, { name: `${field}: selection`, codecs });
  const named = { field, args, parent, viewer, vary, selection };
  const isOfField = parent === undefined && viewer === undefined && vary === undefined && selection === undefined;
  const isBare = isOfField && Object.keys(args).length === 0;
  if (!isBare) levels.push(hashOf(encodingOf(named, codecs)));
  return { text: levels.join(':'), ...named, args: copyOfArguments(args) };
}

/** Checks the parts at run time, for callers without types. */
function checkParts(parts: { readonly [Name in keyof KeyParts]: unknown }): void {
  const { field, args, parent, schemaDigest } = parts ?? {};
  if (typeof field !== 'string') {
    throw new CacheError('INVALID_KEY', `a key needs field, a text such as "Query.books", got ${received(field)}`);
  }
  // As the first level of the key it must not make the key of a token.
  if (schemaDigest !== undefined && !isDigest(schemaDigest)) {
    const rule = 'schemaDigest must be a text without ":" that is not "tag"';
    throw new CacheError('INVALID_KEY', `${field}: ${rule}, got ${received(schemaDigest)}`);
  }
  if (args !== undefined && (typeof args !== 'object' || args === null || Array.isArray(args))) {
    throw new CacheError('INVALID_KEY', `${field}: args must be an object, got ${received(args)}`);
  }
  const isParent = typeof parent === 'string' || typeof parent === 'bigint' || Number.isFinite(parent);
  // Two parents without an id must never share a key.
  if ('parent' in parts && !isParent) {
    throw new CacheError('INVALID_KEY', `${field}: a parent is a text, a number or a bigint, got ${received(parent)}`);
  }
}

/** No pattern: this is checked for every key. */
function isDigest(digest: unknown): boolean {
  return typeof digest === 'string' && digest !== '' && digest !== 'tag' && !digest.includes(':');
}

/** Whether every viewer that may see the value at `own` may see the value at `inner` too. */
export function isVisibleTo(own: Key, inner: Key): boolean {
  const isSameViewer = inner.viewer === undefined || inner.viewer === own.viewer;
  return isSameViewer && (inner.vary === undefined || inner.vary === own.vary);
}

function encodingOf({ field, parent, args, viewer, vary, selection }: Omit<Key, 'text'>, codecs: ClassCodecs): string {
  const place = { name: `${field}: arguments`, codecs };
  const own = canonical([parent, args], place);
  if (viewer === undefined && vary === undefined && selection === undefined) return own;
  return own + canonical(selection === undefined ? [viewer, vary] : [viewer, vary, selection], place);
}

/** Larger numbers are rounded, so two viewers could share one; and NaN would be shared by all viewers without a number. */
function checkViewer(field: string, viewer: unknown): void {
  if (typeof viewer === 'string' || typeof viewer === 'bigint' || Number.isSafeInteger(viewer)) return;
  const got = viewer === null ? 'null' : typeof viewer === 'number' ? 'another number' : kindOf(viewer);
  throw new CacheError(
    'INVALID_KEY',
    `${field}: a viewer is a text, a whole number below 2^53 or a bigint, got ${got}`,
  );
}

/** 132 bits of SHA-256, in 22 characters. UTF-16 distinguishes lone surrogates, which UTF-8 would replace by one character. */
function hashOf(encoding: string): string {
  return hash('sha256', Buffer.from(encoding, 'utf16le'), 'base64url').slice(0, 22);
}

interface Place {
  /** The subject of the error. */
  readonly name: string;
  readonly codecs: ClassCodecs;
}

/** The canonical encoding of `value`. Exported for its tests. */
export function canonical(value: unknown, place: Place, depth = 0): string {
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

function canonicalObject(value: object, place: Place, depth: number): string {
  const identity = identityOf(value);
  if (identity !== undefined) return sized('e', identity);
  if (isBytes(value)) return sized('b', Buffer.from(value).toString('latin1'));
  const excess = excessOf(value);
  if (excess !== undefined) return canonicalInstance(value, place, { depth, excess });
  if (Array.isArray(value)) {
    // `map` would skip holes, and so lose their positions.
    return `a${value.length}:${Array.from(value, (item) => canonical(item, place, depth + 1)).join('')}`;
  }
  if (isDate(value)) return sized('D', String(value.getTime()));
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const pairs = entries.map(([name, item]) => sized('s', name) + canonical(item, place, depth + 1));
  return `o${entries.length}:${pairs.join('')}`;
}

function canonicalInstance(value: object, place: Place, { depth, excess }: { depth: number; excess: string }): string {
  if (value instanceof Promise) value.catch(() => {}); // it is rejected here, so nothing else awaits it
  const encoding = types.isProxy(value) ? undefined : place.codecs.encodingOf(value);
  if (encoding === undefined) throw invalidArgument(place, excess);
  if ('fault' in encoding)
    throw new CacheError('INVALID_KEY', `${place.name}: ${encoding.fault}`, { cause: encoding.error });
  try {
    return sized('c', encoding.name) + canonical(encoding.data, place, depth + 1);
  } catch (error) {
    ignorePromisesIn(encoding.data);
    throw error;
  }
}

function sized(type: string, text: string): string {
  return `${type}${text.length}:${text}`;
}

const accepted = 'JSON, bigint, Date, bytes or instances with a codec';

function invalidArgument({ name }: Place, got: string): CacheError {
  return new CacheError('INVALID_KEY', `${name} must be ${accepted} to make a key, got ${got}`);
}
