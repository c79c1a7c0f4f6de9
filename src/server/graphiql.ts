/** The console's page as `src/console/build.ts` left it in `dist/console`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** What a browser's `GET /graphql` is answered with. */
export interface Page {
  readonly headers: Readonly<Record<string, string>> & { readonly etag: string };
  /** With gzip; without it the page has nine megabytes. One buffer for all readers. */
  readonly gzipped: Buffer;
}

/** @throws where the page was not built: `npm run prepare` does that. */
export async function readGraphiqlPage(): Promise<Page> {
  // By the package's own name for the folder: this file is at another depth in `src` than in `dist`.
  const { resolve } = createRequire(import.meta.url);
  const { contentSecurityPolicy, etag } = JSON.parse(await readFile(resolve('#console/graphiql.json'), 'utf8')) as {
    contentSecurityPolicy: string;
    etag: string;
  };
  return {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-encoding': 'gzip',
      'cache-control': 'no-cache',
      etag,
      vary: 'accept, accept-encoding',
      'content-security-policy': contentSecurityPolicy,
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
    gzipped: await readFile(resolve('#console/graphiql.html.gz')),
  };
}
