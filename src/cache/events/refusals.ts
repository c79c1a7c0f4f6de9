import type { WriteRefusal } from './events.ts';

/** How a refusal is explained: in the report of a request and in the log. */
export interface Refusal {
  /** Why the value was not stored, such as `reads context.user`. `what` is that of the event. */
  readonly why: (what: string | undefined) => string;
  /** What the user of the cache should do about it. Undefined where that is nothing: the next load is stored. */
  readonly advice: string | undefined;
}

/** A line for each reason. */
export const refusals: Readonly<Record<WriteRefusal, Refusal>> = {
  unencodable: {
    why: (what = 'value without a stored form') => what,
    advice: 'Return plain data: objects, lists, text, numbers, bigint, Date, bytes, Map or Set.',
  },
  'too-large': {
    why: () => 'more than 4 million characters of JSON',
    advice: 'Return less, or cache its parts.',
  },
  'lease-lost': {
    why: () => 'another process took over while it loaded',
    advice: undefined,
  },
  'token-lost': {
    why: () => 'a tag was invalidated while it loaded, or the store has no room for tokens',
    advice: 'If this lasts, give Redis more memory.',
  },
  'not-captured': {
    why: (what = 'a tag') => `reads ${what}, which was not expected; the next load is stored`,
    advice: undefined,
  },
  'unknown-source': {
    why: (what = 'an unknown source') => `reads what cannot be named: ${what}`,
    advice: 'Name its tables as tags of the field.',
  },
  'viewer-dependent': {
    // A name alone is that of a property of the context.
    why: (what = 'the viewer') => `reads ${/^\w+$/.test(what) ? `context.${what}` : what}`,
    advice: "Set scope: 'private', or put what it reads into vary.",
  },
  'reads-selection': {
    why: (what) => (what === undefined ? 'depends on the selection' : `reads ${what}, which depends on the selection`),
    advice: 'Set selection: true on the field, or do not read what a request selects.',
  },
  'uncommitted-read': {
    why: (what = 'what others may not see') => `reads ${what}`,
    advice: 'Begin the transaction inside the resolver, or load after it has ended.',
  },
  'inner-unstored': {
    why: () => 'made from a cached value that was not stored',
    advice: 'Look for the reason that the inner value was not stored.',
  },
  'other-cache': {
    why: () => 'made from a value of another cache',
    advice: 'Use one cache for both, or load the inner value without a cache.',
  },
};

/** Why a value was not stored, for the report. */
export function whyNotStored(reason: WriteRefusal, what?: string): string {
  return refusals[reason].why(what);
}
