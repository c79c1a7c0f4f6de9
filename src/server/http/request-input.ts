/** What a request brings, read once and bounded, before GraphQL looks at it. */
import type { IncomingMessage } from 'node:http';
import type { GraphqlParams } from '../graphql/server-context.ts';

const bodyBytesMax = 100_000;
const chunksMax = 1_000;

/** Who hears what has been read, or why it was not. Without a promise, which a ready answer is too quick for. */
interface Heard {
  readonly onText: (text: string) => void;
  readonly onFault: (error: Error) => void;
}

/** A request that is refused before GraphQL sees it. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  readonly code: 'BAD_USER_INPUT' | 'REQUEST_ENTITY_TOO_LARGE' | 'OVERLOADED';

  constructor(status: number, code: RequestRefused['code'], message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const jsonType = 'application/json';
const mediaTypes = [jsonType, 'application/graphql-response+json', 'text/event-stream'];
const mediaRanges = new Set([...mediaTypes, '*/*', 'application/*', 'text/*']);

/** @throws {RequestRefused} 406 where the client takes none of the forms that an answer has. */
export function checkAccept(accept: string | undefined): void {
  if (accept === undefined || accept === '') return;
  const isTaken = accept.split(',').some((one) => mediaRanges.has((one.split(';')[0] ?? '').trim().toLowerCase()));
  if (isTaken) return;
  const got = accept.slice(0, 100);
  throw new RequestRefused(406, 'BAD_USER_INPUT', `An answer is one of ${mediaTypes.join(', ')}; accepted: ${got}.`);
}

/**
 * The text that a POST carries.
 *
 * Only `application/json` is read: a page of another site can send any other type without asking the browser first.
 *
 * @throws {RequestRefused} 415 or 413, saying what was expected and what came.
 */
export function readJsonText(request: IncomingMessage, heard: Heard): void {
  const contentType = request.headers['content-type'] ?? '';
  if (contentType !== jsonType && contentType.split(';')[0]?.trim().toLowerCase() !== jsonType) {
    const got = contentType === '' ? 'none' : contentType.slice(0, 100);
    throw new RequestRefused(415, 'BAD_USER_INPUT', `The content type must be application/json, got ${got}.`);
  }
  readText(request, heard);
}

/**
 * What the body of a POST asks for.
 *
 * @throws {RequestRefused} 400, saying what was expected and what came.
 */
export function paramsIn(text: string): GraphqlParams {
  if (text.trim() === '') throw badBody('it is empty');
  const body = parsed(text);
  if (body === undefined) throw badBody('it is no JSON');
  if (Array.isArray(body)) throw badBody('it is a list, and operations are not batched');
  if (typeof body !== 'object' || body === null) throw badBody(`it is ${body === null ? 'null' : `a ${typeof body}`}`);
  if (!('query' in body) || typeof body.query !== 'string' || body.query === '')
    throw badBody('it has no text "query"');
  return { ...body, query: body.query };
}

/**
 * Refuses a GET without `query`, or whose `variables` or `extensions` are no JSON objects; GraphQL looks at the rest.
 *
 * @throws {RequestRefused} 400.
 */
export function checkQueryString(url: string): void {
  const { searchParams } = new URL(url, 'http://localhost');
  if (!searchParams.get('query')) {
    throw new RequestRefused(400, 'BAD_USER_INPUT', 'A GET must have the query parameter query.');
  }
  for (const name of ['variables', 'extensions']) {
    const text = searchParams.get(name);
    if (text === null || text === '') continue;
    const value = parsed(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) continue;
    throw new RequestRefused(
      400,
      'BAD_USER_INPUT',
      `The query parameter ${name} must be a JSON object, got ${text.slice(0, 100)}.`,
    );
  }
}

/** By events: the request's iterator costs some hundred times as much for each chunk. Who breaks off waits for nothing. */
function readText(request: IncomingMessage, { onText, onFault }: Heard): void {
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks.push(chunk);
    // Nobody sends a body in a thousand pieces but to keep us busy: he is not even told.
    if (chunks.length > chunksMax) request.destroy();
    if (bytes <= bodyBytesMax) return;
    request.off('data', onData).off('end', onEnd);
    onFault(tooLarge());
  };
  const onEnd = (): void => {
    const [first] = chunks;
    onText((chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)).toString('utf8'));
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
