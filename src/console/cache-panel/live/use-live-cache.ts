/** The connection is open while a component uses it and the page is visible. */
import type { Fetcher } from '@graphiql/toolkit';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import { follow, retryNow } from './follow.ts';
import { connectionIs, liveCache, type LiveCache } from './live-cache.ts';

/** Of the components that use the connection; the last one's is used. */
const fetchers: Fetcher[] = [];
let running: AbortController | undefined;

/** @param fetcher Undefined: the component shows what is known without asking the server. */
export function useLiveCache(fetcher: Fetcher | undefined): LiveCache {
  useEffect(() => (fetcher === undefined ? undefined : keepOpen(fetcher)), [fetcher]);
  return useStore(liveCache);
}

function keepOpen(fetcher: Fetcher): () => void {
  if (fetchers.length === 0) {
    document.addEventListener('visibilitychange', update);
    window.addEventListener('online', retryNow);
  }
  fetchers.push(fetcher);
  update();
  return () => {
    fetchers.splice(fetchers.indexOf(fetcher), 1);
    if (fetchers.length === 0) {
      document.removeEventListener('visibilitychange', update);
      window.removeEventListener('online', retryNow);
    }
    update();
  };
}

function update(): void {
  const fetcher = document.visibilityState === 'visible' ? fetchers.at(-1) : undefined;
  if (fetcher === undefined) {
    if (running === undefined) return;
    running.abort();
    running = undefined;
    connectionIs({ state: 'paused' });
  } else if (running === undefined) {
    running = new AbortController();
    follow(fetcher, running.signal).catch((error: unknown) => reportError(error));
  }
}
