/** Options that a caller passes: unknown names and wrong values are errors of the caller, and named. */
import { CacheError } from './errors.ts';

/** What one option must be. */
export interface OptionRule {
  /** As it follows "must be": `a whole number of bytes, 0 or more`. */
  readonly must: string;
  readonly isRight: (value: unknown) => boolean;
  readonly isRequired?: boolean;
}

/**
 * @param place Who was called: `createCache`.
 * @throws {CacheError} `INVALID_OPTIONS`, naming the option, what it must be and what it is.
 */
export function checkOptions(place: string, options: unknown, rules: Readonly<Record<string, OptionRule>>): void {
  const names = Object.keys(rules).join(', ');
  if (typeof options !== 'object' || options === null) {
    throw invalid(`${place}: the options must be an object with ${names}, got ${received(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(rules, name)) throw invalid(`${place}: unknown option ${received(name)}; it has ${names}`);
  }
  for (const [name, { must, isRight, isRequired = false }] of Object.entries(rules)) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined ? isRequired : !isRight(value)) {
      throw invalid(`${place}: ${name} must be ${must}, got ${received(value)}`);
    }
  }
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_OPTIONS', message);
}

/** What a caller passed, in a few words. */
export function received(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (value instanceof Promise) return 'a promise (await it)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'symbol' || typeof value === 'function' ? `a ${typeof value}` : String(value);
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Whether it is an object with these methods. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => isFunction((value as Record<string, unknown>)[name]));
}

export const clockRule: OptionRule = {
  must: 'a clock with nowMs and after',
  isRight: (value) => hasMethods(value, ['nowMs', 'after']),
};

export const bytesRule: OptionRule = {
  must: 'a whole number of bytes, 0 or more',
  isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
