/**
 * What the fields of an input must be. GraphQL has checked their types; these rules check their values, before anything is written.
 * All fields are checked, so that a client can show all problems of a form at once.
 */

/** What is valid in a field. */
export interface Rule<T> {
  /** Completes the sentence "It must be …". */
  readonly expected: string;
  /** The value to store; undefined if it is not valid. */
  readonly valid: (value: T) => T | undefined;
}

/** What is wrong with a field of an input. */
export interface InputProblem {
  readonly field: string;
  readonly expected: string;
  readonly received: string;
}

/** An input is not valid. Nothing was written. */
export class InvalidInputError extends Error {
  override readonly name = 'InvalidInputError';
  readonly code = 'INVALID_INPUT';
  readonly problems: readonly InputProblem[];

  /** @param problems At least one. */
  constructor(problems: readonly InputProblem[]) {
    super(problems.map(({ field, expected, received }) => `${field} must be ${expected}, got ${received}.`).join(' '));
    this.problems = problems;
  }
}

/** A text with a length, in characters as PostgreSQL counts them. */
export function textRule({ charsMin = 0, charsMax }: { charsMin?: number; charsMax: number }): Rule<string> {
  return {
    expected: `text of ${charsMin} to ${charsMax} characters without U+0000`,
    valid(text) {
      const chars = charsIn(text);
      // PostgreSQL's type `text` cannot contain U+0000.
      return chars < charsMin || chars > charsMax || text.includes('\0') ? undefined : text;
    },
  };
}

/** The same, without white space at its ends. */
export function trimmedTextRule(length: { charsMin?: number; charsMax: number }): Rule<string> {
  const { expected, valid } = textRule(length);
  return { expected: `${expected}, not counting white space at its ends`, valid: (text) => valid(text.trim()) };
}

export function integerRule({ min, max }: { min: number; max: number }): Rule<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    valid: (value) => (value >= min && value <= max ? value : undefined),
  };
}

/** The input without null where no field may be null. */
export type Checked<Input> = { [Field in keyof Input]: Exclude<Input[Field], null> };

type Rules<Input> = { readonly [Field in keyof Input]-?: Rule<NonNullable<Input[Field]>> };

/**
 * Returns the values to store; a field that is absent remains absent.
 *
 * @throws {InvalidInputError} with the problems of all fields. Null is never valid.
 */
export function checked<Input extends object>(input: Input, rules: Rules<Input>): Checked<Input> {
  const problems: InputProblem[] = [];
  const values: Partial<Input> = {};
  for (const field of Object.keys(rules) as (keyof Input & string)[]) {
    const value = input[field];
    if (value === undefined) continue;
    const { expected, valid } = rules[field];
    const accepted = value === null ? undefined : valid(value);
    if (accepted === undefined) problems.push({ field, expected, received: receivedText(value) });
    else values[field] = accepted;
  }
  if (problems.length > 0) throw new InvalidInputError(problems);
  return values as Checked<Input>; // what is not in it was absent, or has a problem
}

/** Longer values are shortened: the client knows what it has sent. */
const receivedCharsMax = 60;

function receivedText(value: unknown): string {
  if (typeof value !== 'string' || value.length <= receivedCharsMax) return JSON.stringify(value);
  return `${JSON.stringify(value.slice(0, receivedCharsMax))}… (${charsIn(value)} characters)`;
}

function charsIn(text: string): number {
  return Array.from(text).length;
}
