/** The connection is open while a component uses it and the page is visible. */
import { pick, useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import { headersIn } from '../request/operation.ts';
import { schemaHas } from '../request/schema-has.ts';
import { follow, retryNow, type Source } from './follow.ts';
import { connectionIs, liveCache, type LiveCache } from './live-cache.ts';

/** Of the components that use the connection; the last one's is used. */
const sources: Source[] = [];
let running: AbortController | undefined;

/** @returns what is known, and whether the server reports it: undefined until its schema is known. A server that does not is not asked. */
export function useLiveCache(): LiveCache & { readonly isOffered: boolean | undefined } {
  const { fetcher, schema, headerEditor } = useGraphiQL(pick('fetcher', 'schema', 'headerEditor'));
  const fields = ['Subscription.cacheEvents', 'Query.cacheSnapshot'];
  const isOffered = schema == null ? undefined : fields.some((field) => schemaHas(schema, field));
  // What is entered later does not interrupt the connection; the next one has it.
  const editor = useRef(headerEditor);
  useEffect(() => void (editor.current = headerEditor), [headerEditor]);
  useEffect(() => {
    if (isOffered === true) return keepOpen({ fetcher, headers: () => headersIn(editor.current) });
    return undefined;
  }, [fetcher, isOffered]);
  return { ...useStore(liveCache), isOffered };
}

function keepOpen(source: Source): () => void {
  if (sources.length === 0) {
    document.addEventListener('visibilitychange', update);
    window.addEventListener('online', retryNow);
  }
  sources.push(source);
  update();
  return () => {
    sources.splice(sources.indexOf(source), 1);
    if (sources.length === 0) {
      document.removeEventListener('visibilitychange', update);
      window.removeEventListener('online', retryNow);
    }
    update();
  };
}

function update(): void {
  const source = document.visibilityState === 'visible' ? sources.at(-1) : undefined;
  if (source === undefined) {
    if (running === undefined) return;
    running.abort();
    running = undefined;
    connectionIs({ state: 'paused' });
  } else if (running === undefined) {
    running = new AbortController();
    follow(source, running.signal).catch((error: unknown) => reportError(error));
  }
}
