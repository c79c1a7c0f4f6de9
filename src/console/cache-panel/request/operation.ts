/** What GraphiQL's editors contain, ready to be sent. */
import { parse as parseJsonc, printParseErrorCode, type ParseError } from 'jsonc-parser';

/** The parts of GraphiQL's state that are read here. */
export interface Editors {
  readonly queryEditor?: { getValue(): string } | undefined;
  readonly variableEditor?: { getValue(): string } | undefined;
  readonly headerEditor?: { getValue(): string } | undefined;
  readonly operationName?: string | undefined;
}

export interface Operation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly operationName: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** `Query Search`, for a heading. */
export function titleOf(operationName: string | undefined): string {
  return operationName === undefined ? 'Unnamed query' : `Query ${operationName}`;
}

/** @throws {Error} whose message names the editor with invalid text, and what is wrong with it. */
export function operationIn({ queryEditor, variableEditor, headerEditor, operationName }: Editors): Operation {
  return {
    query: queryEditor?.getValue() ?? '',
    variables: objectIn('Variables', variableEditor?.getValue()),
    operationName,
    headers: objectIn('Headers', headerEditor?.getValue()) as Record<string, string> | undefined,
  };
}

/** What is in the editor of headers, for operations of the panel's own; nothing if it is invalid. */
export function headersIn(headerEditor: Editors['headerEditor']): Operation['headers'] {
  try {
    return operationIn({ headerEditor }).headers;
  } catch {
    return undefined;
  }
}

function objectIn(editor: string, text = ''): Record<string, unknown> | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const value: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined)
    throw new Error(`${editor}: ${printParseErrorCode(first.error)} at character ${first.offset}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${editor} must be a JSON object, such as {"limit": 5}`);
  return value as Record<string, unknown>;
}
