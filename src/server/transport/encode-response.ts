/** A response in the form that its client gets: compressed, if that is accepted and useful. */
import type { IncomingMessage } from 'node:http';
import type { OutgoingResponse } from './outgoing-response.ts';
import { withVary } from './caching-headers.ts';
import { compressed, compressedBytesMin, encodingFor } from './compression.ts';

/** Types that compress well. Event streams are not among them: each event has to be sent at once. */
const compressible = /^(application\/([\w.-]+[+-])?(json|text)|text\/(plain|html))\b/;

/** What is read of a request. */
type Asking = Pick<IncomingMessage, 'method' | 'headers'>;

/** @param answer Its header names are in lower case. */
export async function encodeResponse(
  { method, headers: asked }: Asking,
  answer: OutgoingResponse,
): Promise<OutgoingResponse> {
  const { status, headers, body = '' } = answer;
  if (!isCompressible(headers)) return answer;
  const bytes = Buffer.from(body);
  const encoding = status === 304 ? undefined : encodingFor(asked['accept-encoding'], bytes.length);
  const made = encoding && (await compressed(bytes, encoding));
  // No cache keeps the response to a POST, so an uncompressed one needs no `Vary`.
  const isVarying = made !== undefined || (method === 'GET' && bytes.length >= compressedBytesMin);
  if (!isVarying) return answer;
  const varying = { ...headers, vary: withVary(headers['vary'] ?? '', 'accept-encoding') };
  if (encoding === undefined || made === undefined) return { status, headers: varying, body };
  return { status, headers: { ...varying, 'content-encoding': encoding }, body: made };
}

function isCompressible({
  'content-type': type = '',
  'content-encoding': encoding,
  'cache-control': caching = '',
}: OutgoingResponse['headers']): boolean {
  return encoding === undefined && compressible.test(type) && !/\bno-transform\b/i.test(caching);
}
