/**
 * The executed-document fast path: a query that Yoga has executed before is neither parsed nor validated again, and does without the
 * web's `Request` and `Response`, which cost more than most executions. Context and executor are Yoga's.
 *
 * Of plugins, only the hooks around the context and the execution run. Those of HTTP, parsing and validation do not: what they decide
 * must follow from the text of the document alone. A plugin that must see every request uses `onExecute`.
 *
 * Yoga handles everything that is not plain `data`: errors, and responses with headers of their own. It receives the outcome then.
 * The content type of a response is the one that Yoga has sent to a client with the same `Accept`.
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
import { sendEncoded } from '../transport/send.ts';
import { isJsonAnswer } from './json-answer.ts';
import type { GraphqlParams, ServerContext } from './server-context.ts';

type Yoga = YogaServerInstance<ServerContext, ShopContext>;

/** A query that can take the fast path. */
interface Known {
  readonly document: DocumentNode;
  readonly params: GraphQLParams;
  readonly contentType: string;
}

/** The outcome of an execution: a result, or what it threw. */
type Outcome = () => ExecutionResult;

/** What one Yoga has executed, and how it has responded. */
export class FastPath {
  readonly #documents: { get(text: string): DocumentNode | undefined };
  readonly #executed = new WeakSet<DocumentNode>();
  /** Content types of responses, by what their clients accept. */
  readonly #contentTypes = new LRUCache<string, string>({ max: 100 });
  readonly #leftToYoga = new WeakMap<IncomingMessage, Outcome>();

  /** @param options.documents Those that Yoga has parsed, by their text. */
  constructor({ documents }: { documents: { get(text: string): DocumentNode | undefined } }) {
    this.#documents = documents;
  }

  /** Learns from Yoga, and passes on what is left to it. */
  readonly plugin: Plugin<object, ServerContext> = {
    onParams: ({ context: { req }, setResult }) => {
      const outcome = this.#leftToYoga.get(req);
      if (outcome !== undefined) setResult(outcome());
    },
    onExecute: ({ args }) => void this.#executed.add(args.document),
    onResponse: ({ serverContext: { req }, response }) => this.#learn(req, response.headers.get('content-type')),
  };

  /**
   * Answers on the fast path, or by Yoga.
   *
   * @param params What a POST requests; undefined for any other request, which Yoga handles.
   */
  async answer(yoga: Yoga, context: ServerContext, params: GraphqlParams | undefined): Promise<void> {
    const { req, res, exchange } = context;
    const known = params && this.#known(req, params);
    if (known !== undefined) {
      const outcome = await executed(yoga, context, known);
      const headers = { 'content-type': known.contentType };
      if (typeof outcome === 'string') {
        exchange.answer = 'fast_path';
        return sendEncoded(res, { status: 200, headers, body: outcome });
      }
      this.#leftToYoga.set(req, outcome);
    }
    await yoga(req, res, context);
  }

  #known({ headers: { accept = '' } }: IncomingMessage, params: GraphqlParams): Known | undefined {
    const contentType = this.#contentTypes.get(accept);
    const document = this.#documents.get(params.query);
    if (contentType === undefined || document === undefined || !this.#executed.has(document)) return undefined;
    if (!isWellFormed(params)) return undefined;
    const isQuery = getOperationAST(document, params.operationName)?.operation === OperationTypeNode.QUERY;
    return isQuery ? { document, params, contentType } : undefined;
  }

  #learn({ headers: { accept = '' } }: IncomingMessage, contentType: string | null): void {
    if (isJsonAnswer(contentType)) this.#contentTypes.set(accept, contentType);
  }
}

/** The text of a plain response, or else the outcome. */
async function executed(yoga: Yoga, context: ServerContext, { document, params }: Known): Promise<string | Outcome> {
  try {
    const { schema, contextFactory, execute } = yoga.getEnveloped(initialContext(yoga, { ...context, params }));
    const contextValue: unknown = await contextFactory();
    const { variables: variableValues, operationName } = params;
    const args = { schema, document, contextValue, variableValues, operationName };
    const result = (await execute(args)) as ExecutionResult;
    return isPlain(result) ? JSON.stringify(result) : () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** What Yoga passes to plugins, the context factory and resolvers. Its `request`, without a body, is created when it is read. */
function initialContext(
  yoga: Yoga,
  { req, res, exchange, params }: ServerContext & { readonly params: GraphQLParams },
): YogaInitialContext & ServerContext {
  let request: Request | undefined;
  return {
    req,
    res,
    exchange,
    params,
    waitUntil: (work) => yoga.waitUntil(work),
    get request() {
      return (request ??= requestOf(yoga, req, res));
    },
  };
}

function requestOf({ fetchAPI }: Yoga, req: IncomingMessage, res: ServerResponse): Request {
  const gone = new AbortController();
  const abort = (): void => (res.writableFinished ? undefined : gone.abort());
  if (res.destroyed) abort();
  else res.on('close', abort);
  const headers = new fetchAPI.Headers(req.headers as Record<string, string>);
  return new fetchAPI.Request(`http://localhost${req.url ?? ''}`, { method: 'POST', headers, signal: gone.signal });
}

function isPlain(result: ExecutionResult): boolean {
  return !isAsyncIterable(result) && result.errors === undefined && result.extensions?.['http'] === undefined;
}

/** Yoga refuses anything else, with the reason, including an operation name that is not a string. */
function isWellFormed(params: GraphqlParams): params is GraphqlParams & GraphQLParams {
  const { query: _query, variables, operationName: _name, extensions, ...others } = params;
  return isObject(variables) && isObject(extensions) && Object.keys(others).length === 0;
}

function isObject(value: unknown = null): boolean {
  return typeof value === 'object' && !Array.isArray(value);
}
