/**
 * Makes the console's page, once, when the program is built: GraphiQL with everything it needs in one file of nine
 * megabytes, kept compressed, and the policy that lets just its own scripts run.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { tabs } from './tabs.ts';

/**
 * GraphiQL moves its tabs by an animation that does not end where there are several from the start: under the first
 * click a tab jumps away, and the click is lost.
 */
const tabsStyle = '<style>.graphiql-tab { transform: none !important; }</style>';

/** Styles are written by the editor while it runs, so they cannot be named beforehand. */
function contentSecurityPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = '']) => sourceHash(text));
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

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const page = renderGraphiQL({ title: 'cachepot', defaultTabs: tabs, defaultEditorToolsVisibility: false });
const html = page.replace('</head>', `${tabsStyle}</head>`);
const folder = new URL('../../console/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('graphiql.html.gz', folder), gzipSync(html));
await writeFile(
  new URL('graphiql.json', folder),
  JSON.stringify({ contentSecurityPolicy: contentSecurityPolicy(html) }),
);
