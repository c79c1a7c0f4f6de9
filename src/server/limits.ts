/**
 * How much one document may ask for. Bodies are bounded in `request-input.ts`, so a document is at most that long; then
 * its tokens are counted while it is parsed, its fields before it is validated, and its depth, breadth and complexity
 * before it is executed.
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
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Validation compares fields of one name pair by pair, so that its cost grows with the square of this. */
const tokensMax = 1_000;
/**
 * Fields of the whole document, those of fragments once for each use. The complexity plugin does not look into
 * introspection, where a few fragments made a kilobyte into fifteen megabytes; GraphiQL's own question has 250.
 */
const fieldsMax = 500;
const depthMax = 10;
/** Fields of the document, those of fragments once for each use. */
const breadthMax = 200;
/** Objects and fields of the answer, by the limits that the lists are given. */
const complexityMax = 10_000;

export function useLimits(): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string | Source) => {
        const document = parsed(source);
        const fields = fieldsOf(document);
        if (fields > fieldsMax)
          throw tooComplex(`it selects ${fields} fields in all, at most ${fieldsMax} are allowed`);
        return document;
      });
    },
    onExecute({ args, setResultAndStopExecution }) {
      const excess = excessOf(args);
      if (excess !== undefined) setResultAndStopExecution({ errors: [tooComplex(excess)] });
    },
  };
}

function parsed(source: string | Source): DocumentNode {
  try {
    return parse(source, { maxTokens: tokensMax });
  } catch (error) {
    throw hasTooManyTokens(source) ? tooComplex(`it has more than ${tokensMax} tokens`) : error;
  }
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

/** Each fragment is counted once, however often it is used: bombs that double cost nothing here. */
function fieldsOf({ definitions }: DocumentNode): number {
  const fragments = new Map<string, SelectionSetNode>();
  for (const one of definitions) {
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one.selectionSet);
  }
  const counts = new Map<string, number>();
  const ofFragment = (name: string): number => {
    const known = counts.get(name);
    if (known !== undefined) return known;
    counts.set(name, 0); // a fragment within itself is for validation to refuse
    const fields = ofSelections(fragments.get(name));
    counts.set(name, fields);
    return fields;
  };
  const ofSelections = (set: SelectionSetNode | undefined): number => {
    let fields = 0;
    for (const one of set?.selections ?? []) {
      if (one.kind === Kind.FRAGMENT_SPREAD) fields += ofFragment(one.name.value);
      else fields += Number(one.kind === Kind.FIELD) + ofSelections(one.selectionSet);
    }
    return fields;
  };
  const operations = definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  return operations.reduce((sum, { selectionSet }) => sum + ofSelections(selectionSet), 0);
}

/** What the operation asks too much of, in words. */
function excessOf({
  document,
  operationName,
  schema,
  variableValues,
  contextValue,
}: ExecutionArgs): string | undefined {
  const operation = getOperationAST(document, operationName);
  if (!operation) return undefined;
  // The complexity plugin takes the first operation that it finds.
  const others = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const { complexity, depth, breadth } = complexityOf();
  if (depth > depthMax) return `it is ${depth} levels deep, at most ${depthMax} are allowed`;
  if (breadth > breadthMax) return `it selects ${breadth} fields, at most ${breadthMax} are allowed`;
  if (complexity > complexityMax) return `its complexity is ${complexity}, at most ${complexityMax} is allowed`;
  return undefined;

  function complexityOf(): { complexity: number; depth: number; breadth: number } {
    try {
      return complexityFromQuery(
        { kind: Kind.DOCUMENT, definitions: [...(operation ? [operation] : []), ...others] },
        { schema, variables: { ...variableValues }, ctx: contextValue as object },
      );
    } catch (error) {
      // Wrong variables: execution says so better.
      if (error instanceof GraphQLError) return { complexity: 0, depth: 0, breadth: 0 };
      throw error;
    }
  }
}

function tooComplex(reason: string): GraphQLError {
  return new GraphQLError(`The query is too complex: ${reason}.`, {
    extensions: { code: 'QUERY_TOO_COMPLEX', http: { status: 400, spec: true } },
  });
}
