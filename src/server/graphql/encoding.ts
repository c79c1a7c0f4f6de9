/** Compresses Yoga's responses, as `sendEncoded` does with others. */
import type { Plugin } from 'graphql-yoga';
import { withVary } from '../transport/caching-headers.ts';
import { encodeResponse } from '../transport/encode-response.ts';
import { isJsonAnswer } from './json-answer.ts';
import type { ServerContext } from './server-context.ts';

export function useEncoding(): Plugin<object, ServerContext> {
  return {
    async onResponse(hook) {
      const {
        serverContext: { req, res },
        response,
        fetchAPI,
      } = hook;
      if (!isJsonAnswer(response.headers.get('content-type'))) return;
      const named = [...response.headers].map(([name, value]) => [name.toLowerCase(), value] as const);
      const { 'content-length': _length, ...others } = Object.fromEntries(named);
      // The response's own `Vary` would replace the one that is set for pages of other sites.
      const vary = withVary(others['vary'] ?? '', String(res.getHeader('vary') ?? ''));
      const headers = vary === '' ? others : { ...others, vary };
      const answer = await encodeResponse(req, { status: response.status, headers, body: await response.text() });
      // The length of a 304 would be that of the response it replaces, in the encoding that this client would get.
      if (answer.status === 304) return hook.setResponse(new fetchAPI.Response(null, answer));
      const { body = '' } = answer;
      const init = { ...answer, headers: { ...answer.headers, 'content-length': String(Buffer.byteLength(body)) } };
      hook.setResponse(new fetchAPI.Response(typeof body === 'string' ? body : Uint8Array.from(body), init));
    },
  };
}
