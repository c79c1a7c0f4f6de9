/** GraphiQL with everything it needs in one page, and tabs that run as they stand. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { tabs } from './graphiql-tabs.ts';

export interface Page {
  readonly html: string;
  readonly gzipped: Buffer;
}

/** The page, made once: nine megabytes, two compressed. */
export async function createGraphiqlPage(): Promise<Page> {
  const html = renderGraphiQL({
    title: 'cachepot',
    defaultTabs: tabs,
    defaultEditorToolsVisibility: 'variables',
  });
  return { html, gzipped: await promisify(gzip)(html, { level: 6 }) };
}
