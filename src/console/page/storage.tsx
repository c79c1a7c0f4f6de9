/**
 * What the browser stores of GraphiQL's state. Unlike GraphiQL, it keeps the response of each tab until the browser's tab is
 * closed, and it never stores headers, which may contain a token: GraphiQL's history does, whatever `shouldPersistHeaders` says.
 */
import { useGraphiQL, pick, type GraphiQLProvider } from '@graphiql/react';
import { useEffect, useRef, type ComponentProps } from 'react';

type ProviderProps = ComponentProps<typeof GraphiQLProvider>;
type TabsState = Parameters<NonNullable<ProviderProps['onTabChange']>>[0];

const tabsKey = 'graphiql:tabState';
/** JSON with the headers of tabs, and of operations in the history. */
const keysWithHeaders: ReadonlySet<string> = new Set([tabsKey, 'graphiql:queries', 'graphiql:favorites']);
/** What GraphiQL would store of the header editor. */
const headerKeys: ReadonlySet<string> = new Set(['graphiql:headers', 'graphiql:shouldPersistHeaders']);
const responsesKey = 'cachepot:responses';
/** Browsers store about five million characters for a site. Longer responses are forgotten, as before. */
const responseCharsMax = 1_000_000;

/** Removes the headers that an earlier version of this page, or another one at this address, has stored. */
export function forgetHeaders(): void {
  attempt(() => {
    for (const key of headerKeys) localStorage.removeItem(key);
    for (const key of keysWithHeaders) {
      const text = localStorage.getItem(key);
      if (text !== null) localStorage.setItem(key, withoutHeaders(text));
    }
  });
}

/** For GraphiQL's `onTabChange`. */
export function keepResponses({ tabs }: TabsState): void {
  const kept: Record<string, string> = {};
  let chars = 0;
  for (const { id, response } of tabs) {
    if (response === null || chars + response.length > responseCharsMax) continue;
    chars += response.length;
    kept[id] = response;
  }
  attempt(() => sessionStorage.setItem(responsesKey, JSON.stringify(kept)));
}

/** For GraphiQL's `storage`. */
export const storage: NonNullable<ProviderProps['storage']> = {
  get length() {
    return attempt(() => localStorage.length) ?? 0;
  },
  getItem(key) {
    const text = attempt(() => localStorage.getItem(key)) ?? null;
    return text !== null && key === tabsKey ? withResponses(text) : text;
  },
  setItem(key, value) {
    if (headerKeys.has(key)) return;
    attempt(() => localStorage.setItem(key, keysWithHeaders.has(key) ? withoutHeaders(value) : value));
  },
  removeItem: (key) => attempt(() => localStorage.removeItem(key)),
  clear: () => attempt(() => localStorage.clear()),
};

/** Undefined if the browser's storage is blocked or full: the page works without it. */
function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}

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

function withoutHeaders(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text, (name, value: unknown) => (name === 'headers' ? null : value)));
  } catch {
    return '';
  }
}

function withResponses(text: string): string {
  try {
    const kept = new Map<string, unknown>(Object.entries(JSON.parse(sessionStorage.getItem(responsesKey) ?? '{}')));
    const { tabs, ...rest } = JSON.parse(text) as { readonly tabs: readonly { readonly id: string }[] };
    const responseOf = (id: string): string | null => {
      const response = kept.get(id);
      return typeof response === 'string' ? response : null;
    };
    return JSON.stringify({ ...rest, tabs: tabs.map((tab) => ({ ...tab, response: responseOf(tab.id) })) });
  } catch {
    return text; // GraphiQL handles text that it cannot parse
  }
}
