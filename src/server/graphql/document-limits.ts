/**
 * How much one document may request. Bodies are limited in `request-input.ts`, and so is the length of a document. Its tokens are
 * counted while it is parsed, its fields before it is validated, and its depth, breadth and complexity before it is executed.
 */
import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  getOperationAST,
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  type DocumentNode,
  type ExecutionArgs,
  type OperationDefinitionNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { fieldsOf } from './document-fields.ts';

/** Validation compares fields of one name pair by pair, so its cost grows with the square of this. */
const tokensMax = 1_000;
const nameCharsMax = 100;
const longWord = new RegExp(`\\w{${nameCharsMax + 1}}`);
/**
 * Fields of the whole document, including introspection, which the complexity plugin ignores: there a few fragments turned a kilobyte
 * into fifteen megabytes. GraphiQL's own introspection query has 250.
 */
const documentFieldsMax = 500;
const depthMax = 10;
/** Fields of the operation that is executed, without introspection. */
const operationFieldsMax = 200;
/** Objects and fields of the response, by the limits that the lists are given. */
const complexityMax = 10_000;
/** The status of a refused operation, for clients that follow the specification of GraphQL over HTTP. */
const badRequest = { status: 400, spec: true };

export function useLimits(): Plugin {
  const measured: Measured = new WeakMap();
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string | Source) => {
        const document = parsed(source);
        const fields = fieldsOf(document);
        if (fields > documentFieldsMax)
          throw tooComplex(`it selects ${fields} fields in all, at most ${documentFieldsMax} are allowed`);
        return document;
      });
    },
    onExecute({ args, setResultAndStopExecution }) {
      const refusal = refusalOf(args, measured);
      if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const refusal = refusalOf(args, measured);
      if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] });
    },
  };
}

function refusalOf(args: ExecutionArgs, measured: Measured): GraphQLError | undefined {
  try {
    const excess = excessOf(args, measured);
    return excess === undefined ? undefined : tooComplex(excess);
  } catch (error) {
    // An invalid argument ends the request: if it were executed, its unmeasured neighbours could request anything.
    if (!(error instanceof GraphQLError)) throw error;
    return badInput(error);
  }
}

function parsed(source: string | Source): DocumentNode {
  const text = typeof source === 'string' ? source : source.body;
  if (hasLongName(text)) throw tooComplex(`it has a name of more than ${nameCharsMax} characters`);
  try {
    return parse(source, { maxTokens: tokensMax });
  } catch (error) {
    throw hasTooManyTokens(source) ? tooComplex(`it has more than ${tokensMax} tokens`) : error;
  }
}

/**
 * An alias occurs in the response once per row: eight of 98,000 characters turned one request into more memory than there is. Strings
 * may contain longer words, so tokens are only examined if there is one.
 */
function hasLongName(text: string): boolean {
  if (!longWord.test(text)) return false;
  const lexer = new Lexer(new Source(text));
  try {
    for (let tokens = 0; tokens <= tokensMax; tokens += 1) {
      const { kind, value } = lexer.advance();
      if (kind === TokenKind.NAME && value.length > nameCharsMax) return true;
      if (kind === TokenKind.EOF) return false;
    }
  } catch {
    // The parser reports the syntax error afterwards.
  }
  return false;
}

function hasTooManyTokens(text: string | Source): boolean {
  const lexer = new Lexer(typeof text === 'string' ? new Source(text) : text);
  try {
    for (let tokens = 0; tokens <= tokensMax; tokens += 1) if (lexer.advance().kind === TokenKind.EOF) return false;
    return true;
  } catch {
    return false; // a syntax error comes first
  }
}

/** What is known of operations without variables, whose measures are the same each time. */
type Measured = WeakMap<OperationDefinitionNode, { readonly excess: string | undefined }>;

/** What the operation requests too much of, in words. */
function excessOf(args: ExecutionArgs, measured: Measured): string | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  if (!operation) return undefined;
  const known = measured.get(operation);
  if (known !== undefined) return known.excess;
  const excess = excessOfOperation(operation, args);
  if (!operation.variableDefinitions?.length) measured.set(operation, { excess });
  return excess;
}

function excessOfOperation(
  operation: OperationDefinitionNode,
  { document, schema, variableValues, contextValue }: ExecutionArgs,
): string | undefined {
  // The complexity plugin takes the first operation that it finds.
  const others = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const { complexity, depth, breadth } = complexityFromQuery(
    { kind: Kind.DOCUMENT, definitions: [operation, ...others] },
    { schema, variables: { ...variableValues }, ctx: contextValue as object },
  );
  if (depth > depthMax) return `it is ${depth} levels deep, at most ${depthMax} are allowed`;
  if (breadth > operationFieldsMax) return `it selects ${breadth} fields, at most ${operationFieldsMax} are allowed`;
  if (complexity > complexityMax) return `its complexity is ${complexity}, at most ${complexityMax} is allowed`;
  return undefined;
}

function tooComplex(reason: string): GraphQLError {
  return new GraphQLError(`The query is too complex: ${reason}.`, {
    extensions: { code: 'QUERY_TOO_COMPLEX', http: badRequest },
  });
}

function badInput({ message, nodes }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { nodes: nodes ?? null, extensions: { code: 'BAD_USER_INPUT', http: badRequest } });
}
