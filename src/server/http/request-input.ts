/** The content of a request, read once and within limits, before GraphQL sees it. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';
import type { GraphqlParams } from '../graphql/server-context.ts';
import type { PersistedQueries } from './persisted-queries.ts';
import { RequestRefused } from '../transport/request-refused.ts';

const bodyBytesMax = 100_000;
const chunksMax = 1_000;
/** Some clients begin a body with a byte order mark. It is not part of the JSON. */
const byteOrderMark = '\uFEFF';

/** Callbacks for what was read, or why it was not. No promise, which would cost a cached response too much. */
interface Heard {
  readonly onText: (text: string) => void;
  readonly onFault: (error: Error) => void;
}

const jsonType = 'application/json';
/**
 * Reads the body of a POST.
 *
 * Only `application/json` is accepted: a page of another site can send any other type without asking the browser first.
 *
 * @throws {RequestRefused} 415, 413 or 501, with what was expected and what was received.
 */
export function readJsonText(request: IncomingMessage, heard: Heard): void {
  checkType(request.headers['content-type'] ?? '');
  checkCodings(request.headers);
  readText(request, heard);
}

function checkType(contentType: string): void {
  if (contentType === jsonType) return;
  const { type, parameters } = parse(contentType);
  if (type !== jsonType) throw unsupportedType('The content type must be application/json', contentType);
  if (!/^utf-?8$/i.test(parameters['charset'] ?? 'utf-8')) throw unsupportedType('The body must be UTF-8', contentType);
}

function unsupportedType(rule: string, got: string): RequestRefused {
  const message = `${rule}, got ${got === '' ? 'none' : got.slice(0, 100)}.`;
  return new RequestRefused(415, 'BAD_USER_INPUT', message, { accept: 'application/json; charset=utf-8' });
}

/** Compressed bodies are not accepted: a few bytes could expand to any length. */
function checkCodings({
  'content-encoding': encoding,
  'transfer-encoding': transfer,
}: IncomingMessage['headers']): void {
  if (encoding !== undefined && !encoding.split(',').every((one) => /^(identity)?$/i.test(one.trim()))) {
    const message = `The body must not be compressed: the content encoding must be identity, got ${encoding.slice(0, 100)}.`;
    throw new RequestRefused(415, 'BAD_USER_INPUT', message, { 'accept-encoding': 'identity' });
  }
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') {
    const message = `The transfer encoding must be chunked, got ${transfer.slice(0, 100)}.`;
    throw new RequestRefused(501, 'BAD_USER_INPUT', message);
  }
}

/**
 * Returns what the body of a POST requests. Its document may be a persisted one.
 *
 * @throws {RequestRefused} 400, with what was expected and what was received; whatever `PersistedQueries.documentOf` throws.
 */
export function paramsIn(text: string, persisted: PersistedQueries): GraphqlParams {
  if (text.trim() === '') throw badBody('it is empty');
  const body = parsed(text);
  if (body === undefined) throw badBody('it is no JSON');
  if (Array.isArray(body)) throw badBody('it is a list, and operations are not batched');
  if (typeof body !== 'object' || body === null) throw badBody(`it is ${body === null ? 'null' : `a ${typeof body}`}`);
  const { query: sent, extensions } = body as { query?: unknown; extensions?: unknown };
  if (sent !== undefined && sent !== null && typeof sent !== 'string') throw badBody('it has no text "query"');
  const query = persisted.documentOf(extensions, sent || undefined);
  if (query === undefined) throw badBody('it has no text "query"');
  return { ...body, query };
}

/**
 * Returns the URL of a GET with its document, which may be a persisted one. Refuses a GET whose `variables` or `extensions` are not
 * JSON objects; GraphQL checks the rest.
 *
 * @throws {RequestRefused} 400; whatever `PersistedQueries.documentOf` throws.
 */
export function urlWithQuery(url: string, persisted: PersistedQueries): string {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  jsonObjectIn(searchParams, 'variables');
  const sent = searchParams.get('query') || undefined;
  const query = persisted.documentOf(jsonObjectIn(searchParams, 'extensions'), sent);
  if (query === undefined) {
    throw new RequestRefused(400, 'BAD_USER_INPUT', 'A GET must have the query parameter query.');
  }
  if (query === sent) return url;
  searchParams.set('query', query);
  return `${pathname}?${searchParams.toString()}`;
}

function jsonObjectIn(searchParams: URLSearchParams, name: string): unknown {
  const text = searchParams.get(name);
  if (text === null || text === '') return undefined;
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  const message = `The query parameter ${name} must be a JSON object, got ${text.slice(0, 100)}.`;
  throw new RequestRefused(400, 'BAD_USER_INPUT', message);
}

/** By events: the request's iterator costs about a hundred times as much per chunk. An aborted request calls nothing. */
function readText(request: IncomingMessage, { onText, onFault }: Heard): void {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks.push(chunk);
    // A body in a thousand chunks is only sent to keep the server busy. It gets no response.
    if (chunks.length > chunksMax) request.destroy();
    if (bytes <= bodyBytesMax) return;
    request.off('data', onData).off('end', onEnd);
    onFault(tooLarge());
  };
  const onEnd = (): void => {
    const [first] = chunks;
    const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    if (!isUtf8(body)) return onFault(badBody('it is not UTF-8'));
    const text = body.toString('utf8');
    onText(text.startsWith(byteOrderMark) ? text.slice(1) : text);
  };
  request.on('data', onData).on('end', onEnd);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function badBody(what: string): RequestRefused {
  return new RequestRefused(
    400,
    'BAD_USER_INPUT',
    `The body must be JSON such as {"query": "{ __typename }"}, but ${what}.`,
  );
}

function tooLarge(): RequestRefused {
  return new RequestRefused(413, 'REQUEST_ENTITY_TOO_LARGE', `The body must have at most ${bodyBytesMax} bytes.`);
}
