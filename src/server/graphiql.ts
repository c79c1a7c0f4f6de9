/** The console's page as `src/console/build.ts` left it: a file that is streamed, so that it costs no memory here. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** Answers a browser's `GET /graphql`. Rejects where the reader goes away. */
export type SendPage = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @throws where the page was not built: `npm run prepare` does that. */
export async function openGraphiqlPage(): Promise<SendPage> {
  const { resolve } = createRequire(import.meta.url);
  const file = resolve('#console/graphiql.html.gz');
  const { contentSecurityPolicy } = JSON.parse(await readFile(resolve('#console/graphiql.json'), 'utf8')) as {
    contentSecurityPolicy: string;
  };
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
    'content-security-policy': contentSecurityPolicy,
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  return async ({ headers: { 'accept-encoding': encoding } }, response) => {
    if (String(encoding).includes('gzip')) {
      response.writeHead(200, { ...headers, 'content-encoding': 'gzip' });
      return await pipeline(createReadStream(file), response);
    }
    response.writeHead(200, headers);
    await pipeline(createReadStream(file), createGunzip(), response);
  };
}
