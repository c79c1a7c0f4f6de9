/** Limits of arguments. They are checked before any query runs, and an error is never stored. */
import { GraphQLError } from 'graphql';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The number of rows that one list may request. */
export const limitRange: Range = { min: 1, max: 100 };

/** @throws {GraphQLError} `BAD_USER_INPUT`, with what was expected and what was received. */
export function requireInRange(name: string, value: number, { min, max }: Range): void {
  if (value >= min && value <= max) return;
  throw badInput(`${name} must be between ${min} and ${max}, got ${value}`);
}

/** @throws {GraphQLError} `BAD_USER_INPUT` */
export function requireText(name: string, text: string, lengthMax: number): void {
  if (text.length > lengthMax) throw badInput(`${name} must have at most ${lengthMax} characters, got ${text.length}`);
  // PostgreSQL's type `text` cannot contain it.
  if (text.includes('\0')) throw badInput(`${name} must not contain the character U+0000`);
}

/** How often the children of a list are resolved at most. The resolver rejects a limit that is out of range. */
export function listComplexity(limit: number): { field: number; multiplier: number } {
  return { field: 1, multiplier: Math.min(Math.max(limit, 0), limitRange.max) };
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}
