import type { WriteRefusal } from './events.ts';

/** Explains why a value was not stored, in the report of a request and in the log. */
interface Refusal {
  /** The reason, such as `reads context.user`. `what` comes from the event. */
  readonly why: (what: string | undefined) => string;
  /** What to do about it; undefined if nothing, because the next load is stored. */
  readonly advice: string | undefined;
}

/** The explanation of each reason. */
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
    why: () => 'its lease expired, or another request took it over',
    advice: undefined,
  },
  'token-lost': {
    why: () => 'a tag was invalidated during the load, or the store has no room for tokens',
    advice: 'If this lasts, give Redis more memory.',
  },
  'not-captured': {
    why: (what = 'a tag') => `reads ${what}, which was not expected; the next load is stored`,
    advice: undefined,
  },
  'unknown-source': {
    why: (what = 'an unknown source') => `reads a source that has no name: ${what}`,
    advice: 'Name its tables as tags of the field.',
  },
  'viewer-dependent': {
    // A plain name is that of a property of the context.
    why: (what = 'the viewer') => `reads ${/^\w+$/.test(what) ? `context.${what}` : what}`,
    advice: "Set scope: 'private', or put what it reads into vary.",
  },
  'reads-selection': {
    why: (what) => (what === undefined ? 'depends on the selection' : `reads ${what}, which depends on the selection`),
    advice: 'Set selection: true on the field, or do not read what a request selects.',
  },
  'uncommitted-read': {
    why: (what = 'uncommitted data') => `reads ${what}`,
    advice: 'Begin the transaction inside the resolver, or load after it has ended.',
  },
  'null-ttl': {
    why: (what) => (what === 'nullTtl' ? 'null, and nullTtl is null' : 'ttl returned null'),
    advice: undefined,
  },
  'invalid-ttl': {
    why: (what = 'ttl returned no duration') => what,
    advice: "Return a duration such as '60s', or null. The function must not throw, and must not be async.",
  },
  'inner-unstored': {
    why: () => 'depends on a cached value that was not stored',
    advice: 'Look for the reason that the inner value was not stored.',
  },
  'other-cache': {
    why: () => 'depends on a value of another cache',
    advice: 'Use one cache for both, or load the inner value without a cache.',
  },
};

/** Why a value was not stored, for the report. */
export function whyNotStored(reason: WriteRefusal, what?: string): string {
  return refusals[reason].why(what);
}
