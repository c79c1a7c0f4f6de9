/**
 * Builds the console's page, once, when the program is built: GraphiQL with everything it needs in one file of nine megabytes,
 * compressed, and its headers.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { tabs } from './tabs.ts';

/**
 * GraphiQL moves its tabs by an animation that does not end if there are several from the start: a tab jumps away under the first click,
 * and the click is lost.
 */
const tabsStyle = '<style>.graphiql-tab { transform: none !important; }</style>';

const page = renderGraphiQL({ title: 'cachepot', defaultTabs: tabs, defaultEditorToolsVisibility: false });
if (!page.includes('</head>')) throw new Error('the page of render-graphiql has no </head> any more');
const whole = page.replace('</head>', `${tabsStyle}</head>`);
const gzipped = gzipSync(whole);
// The highest quality takes half a minute and saves a few kilobytes.
const brotli = brotliCompressSync(whole, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });

const folder = new URL('../../console/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('graphiql.html.gz', folder), gzipped);
await writeFile(new URL('graphiql.html.br', folder), brotli);
const etags = { br: `"${digest(brotli)}"`, gzip: `"${digest(gzipped)}"` };
await writeFile(
  new URL('graphiql.json', folder),
  JSON.stringify({ contentSecurityPolicy: contentSecurityPolicy(page), etags }),
);

/** Its own scripts run, named by their hashes. Styles are written by the editor while it runs and cannot be named. */
function contentSecurityPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = '']) => `'sha256-${digest(text)}'`);
  if (scripts.length === 0) throw new Error('the page of render-graphiql has no <script> any more');
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    'worker-src blob: data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}
