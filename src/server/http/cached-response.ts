/** Writes cached responses. What is sent repeatedly is compressed once, and kept with its response. */
import type { CachedResponse } from '../../graphql-cache/index.ts';
import { cachingHeaders, clientHas, withVary } from '../transport/caching-headers.ts';
import { compressed, compressedBytesMin, encodingFor, type Encoding } from '../transport/compression.ts';
import type { Exchange } from './exchange.ts';
import { gzipWithHead } from './gzip-with-head.ts';
import type { Traffic } from './traffic.ts';

interface Encoded {
  readonly encoding: Encoding;
  readonly bytes: Buffer;
}

export function sendCachedResponse(exchange: Exchange, answer: CachedResponse, traffic: Traffic): void {
  const { request } = exchange;
  const { head, body, http } = answer;
  const isKnown = http !== undefined && clientHas(request, http.etag);
  // Brotli streams cannot be concatenated.
  const favourite = head === '' ? 'br' : 'gzip';
  const encoding = encodingFor(request.headers['accept-encoding'], head.length + body.length, favourite);
  if (isKnown || encoding === undefined) return write(exchange, answer, { traffic, isKnown });
  const bytes = encodedBytes(answer, encoding);
  if (!(bytes instanceof Promise)) return write(exchange, answer, { traffic, isKnown, encoded: { encoding, bytes } });
  if (!exchange.open()) return;
  bytes.then(
    (made) =>
      exchange.begin(() => {
        const encoded = made && { encoding, bytes: made };
        write(exchange, answer, { traffic, isKnown, encoded });
      }),
    exchange.fail,
  );
}

/** The whole response, compressed. A promise if it has to be compressed first; undefined if that is not possible now. */
function encodedBytes(
  { head: headText, body, forms }: CachedResponse,
  encoding: Encoding,
): Buffer | Promise<Buffer | undefined> {
  if (headText === '') return forms.get(encoding) ?? forms.make(encoding, () => compressed(body, encoding));
  const head = Buffer.from(headText, 'latin1');
  // For the few clients that accept brotli but not gzip.
  if (encoding === 'br') return compressed(Buffer.concat([head, body]), 'br');
  const deflated = forms.get('deflate');
  if (deflated !== undefined) return gzipWithHead(head, body, deflated);
  return forms
    .make('deflate', () => compressed(body, 'deflate'))
    .then((made) => made && gzipWithHead(head, body, made));
}

interface Sending {
  readonly traffic: Traffic;
  /** Whether the client has this response already. */
  readonly isKnown: boolean;
  readonly encoded?: Encoded | undefined;
}

function write(exchange: Exchange, answer: CachedResponse, { traffic, isKnown, encoded }: Sending): void {
  const { response, requestId, cors } = exchange;
  const { contentType, head, body, http } = answer;
  const bytes = head.length + body.length;
  // As a list, and all at once: as an object, or one by one, they cost more than everything before.
  const headers = ['x-request-id', requestId, 'x-content-type-options', 'nosniff', 'content-type', contentType];
  // A 304 would have to state the length of the response that it replaces, in the encoding that this client would get.
  if (!isKnown) headers.push('content-length', String(encoded?.bytes.length ?? bytes));
  if (encoded !== undefined) headers.push('content-encoding', encoded.encoding);
  headers.push(...cors.list);
  if (traffic.isClosing) headers.push('connection', 'close');
  let vary = encoded !== undefined || (http !== undefined && bytes >= compressedBytesMin) ? 'accept-encoding' : '';
  if (http !== undefined) {
    for (const [name, value] of cachingHeaders({ ...http, isForEveryone: true })) {
      if (name === 'vary') vary = withVary(value, vary);
      else headers.push(name, value);
    }
  }
  vary = withVary(vary, cors.vary);
  if (vary !== '') headers.push('vary', vary);
  // Node sends no body with a 304.
  response.writeHead(isKnown ? 304 : 200, headers);
  if (head !== '' && encoded === undefined) {
    response.cork(); // otherwise the first part is sent in a packet of its own
    response.write(head, 'latin1');
  }
  response.end(encoded?.bytes ?? body);
  const isRead = response.writableLength === 0;
  if (!isRead) exchange.open();
  exchange.answer = 'cached_response';
  exchange.answered({ operation: answer.label, hits: answer.hits, misses: 0 });
}
