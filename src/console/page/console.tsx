/** GraphiQL, and around it what people need to compare the database with the cache. */
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import type { ReactElement } from 'react';
import { cachePanel } from '../cache-panel/index.ts';
import { tabs } from './tabs.ts';

const panel = cachePanel();
const plugins = [panel, HISTORY_PLUGIN];
const fetcher = createGraphiQLFetcher({ url: location.pathname });

export function Console(): ReactElement {
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      visiblePlugin={panel}
      defaultTabs={tabs}
      defaultEditorToolsVisibility={false}
      // A token in a header must not be left in the browser's storage.
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    />
  );
}
