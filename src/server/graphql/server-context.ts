/** What the listener passes to GraphQL. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the body of a POST requests. Everything except the query is as received. */
export type GraphqlParams = { readonly query: string } & Readonly<Record<string, unknown>>;

/** What plugins and the context factory find in it about the server. */
export interface ServerContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly streams: Streams;
}

/** Responses that have no end, of which there may only be a few. */
export interface Streams {
  /** Lets a response take as long as its client reads it. False: no further one is allowed now. */
  openStream(response: ServerResponse): boolean;
}
