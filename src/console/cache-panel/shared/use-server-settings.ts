import { pick, useGraphiQL } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { headersIn } from '../request/operation.ts';
import { noSettings, readServerSettings, type ServerSettings } from '../request/server-settings.ts';

/** What the server says about itself; nothing until it is known. */
export function useServerSettings(): ServerSettings {
  const { fetcher, schema, headerEditor } = useGraphiQL(pick('fetcher', 'schema', 'headerEditor'));
  const [settings, setSettings] = useState(noSettings);
  useEffect(() => {
    const end = new AbortController();
    const headers = headersIn(headerEditor);
    readServerSettings(fetcher, { schema, headers, signal: end.signal }).then(setSettings, () => undefined);
    return () => end.abort();
  }, [fetcher, schema, headerEditor]);
  return settings;
}
