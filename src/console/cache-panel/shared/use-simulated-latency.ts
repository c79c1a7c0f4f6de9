import { pick, useGraphiQL } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { readSimulatedLatency, type SimulatedLatency } from '../request/simulated-latency.ts';

const none: SimulatedLatency = new Map();

/** What the server adds to the loads of its fields; empty until it is known. */
export function useSimulatedLatency(): SimulatedLatency {
  const { fetcher, schema } = useGraphiQL(pick('fetcher', 'schema'));
  const [latency, setLatency] = useState(none);
  useEffect(() => {
    const end = new AbortController();
    readSimulatedLatency(fetcher, { schema, headers: undefined, signal: end.signal }).then(setLatency, () => undefined);
    return () => end.abort();
  }, [fetcher, schema]);
  return latency;
}
