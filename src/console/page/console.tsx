/** GraphiQL, and around it what people need to compare the database with the cache. */
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { useState, type ReactElement } from 'react';
import { cachePanel, StatsBar } from '../cache-panel/index.ts';
import { AccessibleParts } from './accessible-parts.tsx';
import { EditorOptions, RunFromAnywhere } from './editor-options.tsx';
import { EditorTheme } from './editor-theme.tsx';
import { fetcher } from './fetcher.ts';
import { Panes } from './panes.tsx';
import { FirstResponse, keepResponses, storage } from './storage.tsx';
import { tabs } from './tabs.ts';

const panel = cachePanel();
const plugins = [panel, HISTORY_PLUGIN];

export function Console(): ReactElement {
  const [statsBar, setStatsBar] = useState<HTMLElement | null>(null);
  const [paneBar, setPaneBar] = useState<HTMLElement | null>(null);
  return (
    <div className="console">
      <div ref={setStatsBar} />
      <div className="console-panes" ref={setPaneBar} />
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        visiblePlugin={panel}
        defaultTabs={tabs}
        defaultEditorToolsVisibility={false}
        storage={storage}
        onTabChange={keepResponses}
        // A token in a header must not be left in the browser's storage.
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <AccessibleParts />
        <EditorOptions />
        <EditorTheme />
        <FirstResponse />
        <RunFromAnywhere />
        {statsBar === null ? null : <StatsBar bar={statsBar} />}
        {paneBar === null ? null : <Panes bar={paneBar} />}
      </GraphiQL>
    </div>
  );
}
