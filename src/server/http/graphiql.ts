/** The console's page, as `src/console/build.ts` built it in `dist/console`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Encoding } from '../transport/compression.ts';

/** The response to a browser's `GET /graphql`. */
export interface Page {
  readonly contentType: string;
  /** All headers except those about the encoding. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without compression the page has nine megabytes. One buffer for all readers. */
  readonly encoded: Readonly<Record<Encoding, { readonly etag: string; readonly bytes: Buffer }>>;
}

/** @throws if the page was not built: `npm run prepare` builds it. */
export async function readGraphiqlPage(): Promise<Page> {
  // By the package's own name for the folder: this file is at a different depth in `src` than in `dist`.
  const { resolve } = createRequire(import.meta.url);
  const { contentSecurityPolicy, etags } = JSON.parse(await readFile(resolve('#console/graphiql.json'), 'utf8')) as {
    contentSecurityPolicy: string;
    etags: Readonly<Record<Encoding, string>>;
  };
  const [br, gzip] = await Promise.all([
    readFile(resolve('#console/graphiql.html.br')),
    readFile(resolve('#console/graphiql.html.gz')),
  ]);
  return {
    contentType: 'text/html; charset=utf-8',
    headers: {
      'cache-control': 'no-cache',
      vary: 'accept, accept-encoding',
      'content-security-policy': contentSecurityPolicy,
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
    encoded: { br: { etag: etags.br, bytes: br }, gzip: { etag: etags.gzip, bytes: gzip } },
  };
}
