import type { CacheReport, ReportRow } from '../../src/pothos-cache/index.ts';

export interface GraphqlError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string } & Record<string, unknown>;
}

export interface Answer<Data> {
  status: number;
  data: Data;
  errors: GraphqlError[];
  report: CacheReport | undefined;
  /** The whole body, as received. */
  text: string;
}

export interface Client {
  /** Posts a document. */
  ask: <Data = Record<string, unknown>>(query: string, variables?: Record<string, unknown>) => Promise<Answer<Data>>;
  /** Posts a document with one cached field, and returns the row of that field in the report. */
  row: (query: string, variables?: Record<string, unknown>) => Promise<ReportRow>;
  /** Sends a GET to a path. */
  get: (path: string, headers?: Record<string, string>) => Promise<{ status: number; headers: Headers; text: string }>;
}

/** Creates a GraphQL client of the server at `url`. */
export function createClient(url: string): Client {
  const ask = async <Data>(query: string, variables: Record<string, unknown> = {}): Promise<Answer<Data>> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = JSON.parse(text) as { data: Data; errors?: GraphqlError[]; extensions?: { cache?: CacheReport } };
    return {
      status: response.status,
      data: body.data,
      errors: body.errors ?? [],
      report: body.extensions?.cache,
      text,
    };
  };
  return {
    ask,
    async row(query, variables) {
      const { report, text } = await ask(query, variables);
      const [row] = report?.fields ?? [];
      if (row === undefined) throw new Error(`no report in ${text.slice(0, 300)}`);
      return row;
    },
    async get(path, headers = {}) {
      const response = await fetch(`${url}${path}`, { headers, redirect: 'manual' });
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
  };
}
