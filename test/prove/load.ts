/** Clients that send requests without a pause, each on its own keep-alive connection, and record times and failures. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Load {
  /** The number of requests that are completed so far. */
  readonly answered: () => number;
  /** Ends the current phase of the measurement, returns it, and begins the next one. */
  readonly phase: () => Phase;
  stop: () => Promise<void>;
}

export interface Phase {
  /** Milliseconds, sorted. */
  readonly durationsMs: readonly number[];
  readonly failures: readonly string[];
}

export interface LoadOptions {
  clients: number;
  /** The documents that client `index` sends, one after another, repeatedly. */
  documents: (index: number) => readonly string[];
}

export function startLoad(url: string, { clients, documents }: LoadOptions): Load {
  const over = new AbortController();
  let answered = 0;
  let durationsMs: number[] = [];
  let failures: string[] = [];
  const client = async (index: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const queue = documents(index);
    for (let asked = 0; !over.signal.aborted; asked += 1) {
      const startedMs = performance.now();
      const failure = await ask(url, queue[asked % queue.length] ?? '', agent);
      durationsMs.push(performance.now() - startedMs);
      if (failure !== undefined) failures.push(failure);
      answered += 1;
    }
    agent.destroy();
  };
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    answered: () => answered,
    phase() {
      const phase = { durationsMs: durationsMs.toSorted((a, b) => a - b), failures };
      durationsMs = [];
      failures = [];
      return phase;
    },
    async stop() {
      over.abort();
      await running;
    },
  };
}

/** The value below which `share` of the values lie. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** Sends one request; returns a description of its failure, if it fails. */
async function ask(url: string, query: string, agent: Agent): Promise<string | undefined> {
  try {
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } });
    sent.end(JSON.stringify({ query }));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const body = await text(answer);
    const isWhole = answer.statusCode === 200 && !body.includes('"errors"') && body.includes('"data"');
    return isWhole ? undefined : `${answer.statusCode} ${body.slice(0, 200)}`;
  } catch (error) {
    return error instanceof Error ? `${'code' in error ? String(error.code) : ''} ${error.message}` : String(error);
  }
}
