/**
 * The short way of a query that Yoga has executed before. Its plugins, its context and its executor are the same; but the
 * query is neither parsed nor validated again, and it does without the web's `Request` and `Response`, which cost more than
 * most executions do.
 *
 * Yoga has the last word on whatever is not plain `data`: errors, and answers with headers of their own. It is given the
 * result then. The type of an answer is the one that Yoga has given to a client who accepts the same.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getOperationAST, OperationTypeNode, type DocumentNode, type ExecutionResult } from 'graphql';
import {
  isAsyncIterable,
  type GraphQLParams,
  type Plugin,
  type YogaInitialContext,
  type YogaServerInstance,
} from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { ShopContext } from '../../../schema/index.ts';
import { isJsonAnswer } from './json-answer.ts';

/** What the body of a POST asks for. All but the query is as it came. */
export type Operation = { readonly query: string } & Readonly<Record<string, unknown>>;

/** What plugins and the context are made with, on either way. */
export interface ServerContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

type Yoga = YogaServerInstance<ServerContext, ShopContext>;

/** An operation that can go the short way. */
interface Known {
  readonly document: DocumentNode;
  readonly params: GraphQLParams;
  readonly contentType: string;
}

export interface ShortWayOptions {
  /** The documents that Yoga has parsed, by their text. */
  readonly documents: { get(text: string): DocumentNode | undefined };
}

export class ShortWay {
  readonly #documents: ShortWayOptions['documents'];
  readonly #executed = new WeakSet<DocumentNode>();
  /** Of answers, by what their clients accept. */
  readonly #contentTypes = new LRUCache<string, string>({ max: 100 });
  readonly #leftToYoga = new WeakMap<IncomingMessage, ExecutionResult>();

  constructor({ documents }: ShortWayOptions) {
    this.#documents = documents;
  }

  /** To stand after those that refuse to execute: what they refuse is not learnt. */
  readonly plugin: Plugin<object, ServerContext> = {
    onParams: ({ context: { req }, setResult }) => {
      const result = this.#leftToYoga.get(req);
      if (result !== undefined) setResult(result);
    },
    onExecute: ({ args }) => void this.#executed.add(args.document),
    onResponse: ({ serverContext: { req }, response }) => this.#learn(req, response.headers.get('content-type')),
  };

  /** Answers by the short way, or else by Yoga's. */
  async answer(yoga: Yoga, { req, res }: ServerContext, operation: Operation | undefined): Promise<void> {
    const known = operation && this.#known(req, operation);
    if (known !== undefined) {
      const { document, params, contentType } = known;
      const { schema, contextFactory, execute } = yoga.getEnveloped(initialContext(yoga, { req, res, params }));
      const contextValue: unknown = await contextFactory();
      const { variables: variableValues, operationName } = params;
      const args = { schema, document, contextValue, variableValues, operationName };
      const result = (await execute(args)) as ExecutionResult;
      if (isPlain(result)) return send(res, contentType, JSON.stringify(result));
      this.#leftToYoga.set(req, result);
    }
    await yoga(req, res);
  }

  #known({ headers: { accept = '' } }: IncomingMessage, operation: Operation): Known | undefined {
    const contentType = this.#contentTypes.get(accept);
    const document = this.#documents.get(operation.query);
    if (contentType === undefined || document === undefined || !this.#executed.has(document)) return undefined;
    if (!isWellFormed(operation)) return undefined;
    const isQuery = getOperationAST(document, operation.operationName)?.operation === OperationTypeNode.QUERY;
    return isQuery ? { document, params: operation, contentType } : undefined;
  }

  #learn({ headers: { accept = '' } }: IncomingMessage, contentType: string | null): void {
    if (isJsonAnswer(contentType)) this.#contentTypes.set(accept, contentType);
  }
}

/** What Yoga gives plugins, the context's maker and resolvers; its `request` is made for who looks at it. */
function initialContext(
  { fetchAPI }: Yoga,
  { req, res, params }: ServerContext & { readonly params: GraphQLParams },
): YogaInitialContext & ServerContext {
  let request: Request | undefined;
  const newRequest = (): Request => {
    const gone = new AbortController();
    res.on('close', () => (res.writableFinished ? undefined : gone.abort()));
    const headers = new fetchAPI.Headers(req.headers as Record<string, string>);
    return new fetchAPI.Request(`http://localhost${req.url ?? ''}`, { method: 'POST', headers, signal: gone.signal });
  };
  return {
    req,
    res,
    params,
    waitUntil: (work) => void Promise.resolve(work).catch(() => {}), // this server waits for all that it executes
    get request() {
      return (request ??= newRequest());
    },
  };
}

function isPlain(result: ExecutionResult): boolean {
  return !isAsyncIterable(result) && result.errors === undefined && result.extensions?.['http'] === undefined;
}

/** What is not is refused by Yoga, which says why. */
function isWellFormed(operation: Operation): operation is Operation & GraphQLParams {
  const { query: _query, variables, operationName: _name, extensions, ...others } = operation;
  return isObject(variables) && isObject(extensions) && Object.keys(others).length === 0;
}

function isObject(value: unknown = null): boolean {
  return typeof value === 'object' && !Array.isArray(value);
}

function send(response: ServerResponse, contentType: string, text: string): void {
  response.statusCode = 200;
  response.setHeader('content-type', contentType);
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}
