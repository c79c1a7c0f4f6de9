import { checkOptions, clockRule, isFunction, type OptionRule } from '../base/check-options.ts';
import type { Clock } from '../base/clock.ts';
import type { PurgeCall } from './purge-calls.ts';

/** The options of `createCdn`. */
export interface CdnOptions {
  /**
   * Sends each tag as a keyed digest (HMAC-SHA-256, 20 hexadecimal digits), so that the headers do not reveal the names of tables: 16 or
   * more characters, the same in every process. After a change of it, purge everything in the CDN. Default: names are readable.
   */
  secret?: string;
  /**
   * How many tags a response may have, 3 or more. One with more is tagged more coarsely, or not kept by the CDN. Default: 50, the limit of
   * CloudFront; Akamai has 128.
   */
  tagsMax?: number;
  /** How long each of the two headers may be, in characters, 100 or more. Default: 4,000, because proxies limit all headers together. */
  charsMax?: number;
  /**
   * Purges these tags in the CDN. Called after each invalidation has taken effect, once for those that happen at the same time, and again
   * after `repeatAfterMs`. If it throws, rejects or takes longer than ten seconds, the tags are tried again for about an hour, after
   * pauses of one second to a minute; other tags do not wait for them.
   */
  onInvalidate?: (tags: readonly string[], call: PurgeCall) => unknown;
  /**
   * When to purge the same tags again, in milliseconds: responses that were on their way to the CDN at the first time have arrived there
   * then. Longer than your slowest response takes, and at least 500 with a memory tier. 0: never. Default: 2,000.
   */
  repeatAfterMs?: number;
  /** How many tags one call of `onInvalidate` receives at most. Default: 30. */
  tagsPerCallMax?: number;
  /** Default: the machine's clock. */
  clock?: Clock;
}

const secretCharsMin = 16;

const rules: Readonly<Record<keyof CdnOptions, OptionRule>> = {
  secret: {
    must: `a text of at least ${secretCharsMin} characters`,
    isRight: (value) => typeof value === 'string' && value.length >= secretCharsMin,
  },
  tagsMax: wholeNumber(3),
  charsMax: wholeNumber(100),
  onInvalidate: { must: 'a function of tags', isRight: isFunction },
  repeatAfterMs: {
    must: 'a number of milliseconds from 0 to 3600000',
    isRight: (value) => typeof value === 'number' && value >= 0 && value <= 3_600_000,
  },
  tagsPerCallMax: wholeNumber(1),
  clock: clockRule,
};

function wholeNumber(min: number): OptionRule {
  return {
    must: `a whole number, at least ${min}`,
    isRight: (value) => Number.isSafeInteger(value) && Number(value) >= min,
  };
}

/** @throws {CacheError} `INVALID_OPTIONS`. The secret is not repeated. */
export function checkCdnOptions(options: CdnOptions): void {
  const secret: unknown = options?.secret;
  const isHidden = ['string', 'number', 'bigint'].includes(typeof secret) && !rules.secret.isRight(secret);
  const shown = typeof secret === 'string' ? `${secret.length} of them` : `a ${typeof secret}`;
  checkOptions('createCdn', isHidden ? { ...options, secret: shown } : options, rules);
}
