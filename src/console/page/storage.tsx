/**
 * What the browser stores of GraphiQL's state. Unlike GraphiQL, it keeps the response of each tab until the browser's tab is
 * closed, and it never stores headers, which may contain a token: GraphiQL's history does, whatever `shouldPersistHeaders` says.
 */
import { useGraphiQL, pick, type GraphiQLProvider } from '@graphiql/react';
import { useEffect, useRef, type ComponentProps } from 'react';

type ProviderProps = ComponentProps<typeof GraphiQLProvider>;
type TabsState = Parameters<NonNullable<ProviderProps['onTabChange']>>[0];

const tabsKey = 'graphiql:tabState';
const headersKey = 'graphiql:headers';
const responsesKey = 'cachepot:responses';
/** Browsers store about five million characters for a site. Longer responses are forgotten, as before. */
const responseCharsMax = 1_000_000;

/** For GraphiQL's `onTabChange`. */
export function keepResponses({ tabs }: TabsState): void {
  const kept: Record<string, string> = {};
  let chars = 0;
  for (const { id, response } of tabs) {
    if (response === null || chars + response.length > responseCharsMax) continue;
    chars += response.length;
    kept[id] = response;
  }
  sessionStorage.setItem(responsesKey, JSON.stringify(kept));
}

/** For GraphiQL's `storage`. */
export const storage: NonNullable<ProviderProps['storage']> = {
  get length() {
    return localStorage.length;
  },
  getItem(key) {
    const text = localStorage.getItem(key);
    return text !== null && key === tabsKey ? withResponses(text) : text;
  },
  setItem(key, value) {
    if (key !== headersKey) localStorage.setItem(key, withoutHeaders(value));
  },
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
};

/** Shows the response of the first tab: GraphiQL shows responses only when the user changes tabs. */
export function FirstResponse(): null {
  const { responseEditor, tabs, activeTabIndex } = useGraphiQL(pick('responseEditor', 'tabs', 'activeTabIndex'));
  const isDone = useRef(false);
  useEffect(() => {
    if (responseEditor === undefined || isDone.current) return;
    isDone.current = true;
    const response = tabs[activeTabIndex]?.response ?? '';
    if (response !== '') responseEditor.setValue(response);
  }, [responseEditor, tabs, activeTabIndex]);
  return null;
}

/** @param text Some of GraphiQL's values are JSON, with `headers` of tabs and of operations in the history. */
function withoutHeaders(text: string): string {
  if (!text.includes('"headers"')) return text;
  try {
    return JSON.stringify(JSON.parse(text, (name, value: unknown) => (name === 'headers' ? null : value)));
  } catch {
    return text; // an operation, in the language of GraphQL
  }
}

function withResponses(text: string): string {
  try {
    const kept = JSON.parse(sessionStorage.getItem(responsesKey) ?? '{}') as Readonly<Record<string, string>>;
    const { tabs, ...rest } = JSON.parse(text) as { readonly tabs: readonly { readonly id: string }[] };
    return JSON.stringify({ ...rest, tabs: tabs.map((tab) => ({ ...tab, response: kept[tab.id] ?? null })) });
  } catch {
    return text; // GraphiQL handles text that it cannot parse
  }
}
