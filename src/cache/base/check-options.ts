/** Checks the options that a caller passes. An unknown name or a wrong value is a caller error, and the message names it. */
import { CacheError } from './errors.ts';

/** The rule for one option of a function. */
export interface OptionRule {
  /** The end of a sentence that begins with "must be": `a whole number of bytes, 0 or more`. */
  readonly must: string;
  readonly isRight: (value: unknown) => boolean;
  readonly isRequired?: boolean;
}

/** The rules for all options of a function, by name. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/**
 * Checks the options that a caller passes to a function.
 *
 * @param place The function that was called: `createCache`.
 * @throws {CacheError} `INVALID_OPTIONS`, with the name of the option, what it must be and what was received.
 */
export function checkOptions(place: string, options: unknown, rules: OptionRules): void {
  const fault = optionsFault(options, rules);
  if (fault !== undefined) throw new CacheError('INVALID_OPTIONS', `${place}: ${fault}`);
}

/**
 * Describes the first fault of `options`, such as `version must be a text, got 2`; undefined if there is none. For callers that check more,
 * or throw errors of another class; otherwise use `checkOptions`.
 */
export function optionsFault(options: unknown, rules: OptionRules): string | undefined {
  const names = Object.keys(rules).join(', ');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    // A text passed instead of options may be an address, with a password in it.
    const got = typeof options === 'string' ? 'a text' : received(options);
    return `the options must be an object with ${names}, got ${got}`;
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) return `unknown option ${received(unknown)}; it has ${names}`;
  for (const [name, { must, isRight, isRequired = false }] of Object.entries(rules)) {
    const value = (options as Record<string, unknown>)[name];
    const isFault = value === undefined ? isRequired : !isRight(value);
    if (isFault) return `${name} must be ${must}, got ${received(value)}`;
  }
  return undefined;
}

/** What a caller passed, in a few words. */
export function received(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (value instanceof Promise) return 'a promise (await it)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'symbol' || typeof value === 'function' ? `a ${typeof value}` : String(value);
}

/** The type of a value that must not be repeated. Passing an async function's promise is a common mistake. */
export function kindOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : typeof value;
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Whether `value` is an object with these methods. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => isFunction((value as Record<string, unknown>)[name]));
}

export const clockRule: OptionRule = {
  must: 'a clock with nowMs and after',
  isRight: (value) => hasMethods(value, ['nowMs', 'after']),
};

/** The deadline of one round trip to the store. */
export const deadlineRule: OptionRule = {
  must: 'a number of milliseconds above 0, at most 3600000',
  isRight: (value) => typeof value === 'number' && value > 0 && value <= 3_600_000,
};

export const bytesRule: OptionRule = {
  must: 'a whole number of bytes, 0 or more',
  isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
