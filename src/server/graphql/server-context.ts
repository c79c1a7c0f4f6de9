/** What the listener passes to GraphQL. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAnswer } from '../transport/http-answer.ts';

/** What the body of a POST requests. Everything except the query is as received. */
export type GraphqlParams = { readonly query: string } & Readonly<Record<string, unknown>>;

/** What plugins and the context factory find in it about the server. */
export interface ServerContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly exchange: GraphqlExchange;
}

/** The exchange of request and response, as far as GraphQL changes it. */
export interface GraphqlExchange {
  /** How the request is answered, for the metrics. */
  answer: HttpAnswer;
  /** Lets the response take as long as its client reads it. False: no further one of this kind is allowed now. */
  openStream(): boolean;
}
