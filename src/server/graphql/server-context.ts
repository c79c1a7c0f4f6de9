/** What the listener hands to GraphQL. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the body of a POST asks for. All but the query is as it came. */
export type GraphqlParams = { readonly query: string } & Readonly<Record<string, unknown>>;

/** What plugins, and whoever makes the context, find in it of the server. */
export interface ServerContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}
