/** GraphiQL with everything it needs in one page, and tabs that run as they stand. */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { tabs } from './graphiql-tabs.ts';

/** The page: nine megabytes, kept compressed. */
export interface Page {
  readonly gzipped: Buffer;
  /** For the rare client that takes no gzip. */
  plain(): Promise<Buffer>;
}

/**
 * GraphiQL moves its tabs by an animation that does not end where there are several from the start: under the first
 * click a tab jumps away, and the click is lost.
 */
const tabsStyle = '<style>.graphiql-tab { transform: none !important; }</style>';

export async function createGraphiqlPage(): Promise<Page> {
  const html = renderGraphiQL({ title: 'cachepot', defaultTabs: tabs, defaultEditorToolsVisibility: false });
  const gzipped = await promisify(gzip)(html.replace('</head>', `${tabsStyle}</head>`), { level: 6 });
  return { gzipped, plain: () => promisify(gunzip)(gzipped) };
}
