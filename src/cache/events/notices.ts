/** The log line of an event. */
import { CacheError } from '../base/errors.ts';
import type { CacheEvent } from './events.ts';
import { refusals } from './refusals.ts';
import { storeFaultOf } from './store-fault.ts';
import { thrownText } from './thrown.ts';

export interface Notice {
  readonly level: 'warn' | 'info' | 'debug' | 'recovered';
  /** Warnings of one kind are logged once a minute. */
  readonly kind: string;
  /** The fault that a notice with the level `recovered` ends. It is logged only if a warning of that fault was. */
  readonly fault?: 'connection' | 'breaker' | 'invalidation';
  /** Whether it adds nothing new while its fault lasts. */
  readonly isConsequence?: boolean;
  readonly field?: string;
  readonly fields: object;
  readonly message: string;
}

const pendingMessage =
  'an invalidation could not be delivered to the cache store: this process does not use the store until that has succeeded. ' +
  'Other processes may answer with older values until then.';

const slowMessage =
  'the cache store is slow: requests did not wait for it. Look at the load of Redis and of this process.';

type Logged = Exclude<CacheEvent, { type: 'memory-coherent' | 'memory-incoherent' }>;

export function noticeOf(event: Logged): Notice {
  switch (event.type) {
    case 'write-refused':
      return refusalNotice(event);
    case 'uncached':
      return uncachedNotice(event);
    case 'store-failed':
      return faultNotice(event.error, { operation: event.operation });
    case 'connection-failed':
      return faultNotice(event.error, {});
    case 'connection-ready':
      return recovery('connection', 'Redis is back');
    case 'store-slow':
      return { level: 'warn', kind: event.type, fields: { operation: event.operation }, message: slowMessage };
    case 'lease-timeout': {
      const { field, waitMs } = event;
      const message = `${field}: another process has been loading for more than ${waitMs} ms: this one loads too. Make the resolver faster.`;
      return { level: 'warn', kind: event.type, field, fields: { field, waitMs }, message };
    }
    case 'decode-failed':
      return decodeNotice(event);
    case 'background-failed':
    case 'failure-hidden':
      return hiddenFailureNotice(event);
    case 'shadow-check':
    case 'shadow-difference':
      return shadowNotice(event);
    case 'breaker-opened': {
      const message =
        'the cache store fails too often: requests bypass it until it answers again. See the previous warning for the cause.';
      return { level: 'warn', kind: event.type, fault: 'breaker', fields: {}, message };
    }
    case 'breaker-closed':
      return recovery('breaker', 'the cache store answers again');
    case 'tracking-refused':
      return trackingNotice(event);
    case 'invalidation-pending':
      return { level: 'warn', kind: event.type, fault: 'invalidation', fields: {}, message: pendingMessage };
    case 'invalidation-delivered':
      return recovery('invalidation', 'the pending invalidations were delivered to the cache store');
    case 'flush':
    case 'delete':
      return removalNotice(event);
    case 'invalidate':
      return invalidationNotice(event);
    case 'purge-failed':
      return purgeNotice(event);
    case 'purge-given-up':
      return givenUpNotice(event);
    case 'load-failed': {
      const fields = { field: event.field, reason: thrownText(event.error) };
      return { level: 'debug', kind: event.type, fields, message: 'cache load failed' };
    }
    default: {
      const { type, ...fields } = event;
      return { level: 'debug', kind: type, fields, message: `cache ${type}` };
    }
  }
}

function trackingNotice({ type, error }: Extract<Logged, { type: 'tracking-refused' }>): Notice {
  const { kind, text, advice } = storeFaultOf(error);
  const message = `the memory tier is off, because Redis does not report changes: ${text}. ${advice} The next attempt is in a minute.`;
  return { level: 'warn', kind: type, fields: { reason: kind }, message };
}

function invalidationNotice({ type: kind, tags: invalidated, isFed }: Extract<Logged, { type: 'invalidate' }>): Notice {
  const tags = [...new Set(invalidated.map((tag) => tag.replace(/:[^]*$/, ':…')))];
  // A feed invalidates as often as rows change.
  return { level: isFed === true ? 'debug' : 'info', kind, fields: { tags }, message: 'cache invalidated' };
}

function removalNotice(event: Extract<Logged, { type: 'flush' | 'delete' }>): Notice {
  const { type: kind, keysRemoved } = event;
  if (event.type === 'flush') return { level: 'info', kind, fields: { keysRemoved }, message: 'cache flushed' };
  const { field } = event;
  return { level: 'debug', kind, field, fields: { field, keysRemoved }, message: `${field}: values deleted` };
}

function purgeNotice({ tagCount, error, retryMs }: Extract<Logged, { type: 'purge-failed' }>): Notice {
  const reason = thrownText(error);
  const next = retryMs === null ? 'It is not tried again' : 'It is tried again';
  const message = `onInvalidate of createCdn failed: ${reason}. ${next}. Until a purge succeeds, the CDN may serve older responses.`;
  return { level: 'warn', kind: 'purge-failed', fields: { tagCount, reason }, message };
}

function givenUpNotice({ type: kind, tags, reason }: Extract<Logged, { type: 'purge-given-up' }>): Notice {
  // The ids of rows may be values that clients sent.
  const shown = [...new Set(tags.map((tag) => tag.replace(/^([^.]*\.[^.]*\.)[^]*$/, '$1…')))].slice(0, 5);
  const fields = { tagCount: tags.length, tags: shown, reason };
  const why =
    reason === 'attempts' ? 'every attempt has failed for an hour' : 'they were not purged before it was closed';
  const message = `the CDN was not purged of ${tags.length} tags (${shown.join(', ')}): ${why}. It may serve older responses until they expire, or until you purge it.`;
  return { level: 'warn', kind, fields, message };
}

function recovery(fault: NonNullable<Notice['fault']>, message: string): Notice {
  return { level: 'recovered', kind: `${fault} recovered`, fault, fields: {}, message };
}

/** A listener, a `report` function, `knownTags` or the tracer has thrown. */
export function callbackNotice(error: unknown): Notice {
  const reason = thrownText(error);
  const message = `a function passed to the cache (a listener, report, knownTags or the tracer) failed: ${reason}. No request failed because of it.`;
  return { level: 'warn', kind: 'callback-failed', fields: { reason }, message };
}

function decodeNotice({ type, codec, error }: Extract<CacheEvent, { type: 'decode-failed' }>): Notice {
  const cause = error instanceof CacheError ? error.cause : undefined;
  const reason = `${thrownText(error)}${cause === undefined ? '' : ` ${thrownText(cause)}`}`;
  const message = `${reason}: values that it has encoded are loaded again. A codec whose data changes needs another name.`;
  return { level: 'warn', kind: type, fields: { codec, reason }, message };
}

/** No request reports it. */
function hiddenFailureNotice({
  type,
  field,
  error,
}: Extract<CacheEvent, { type: 'background-failed' | 'failure-hidden' }>): Notice {
  const reason = thrownText(error);
  const what = type === 'failure-hidden' ? 'could not be loaded' : 'could not be loaded again in the background';
  const message = `${field}: ${what}: ${reason}. Until it expires for good, requests receive the stored value; afterwards, or if it was invalidated, they load.`;
  return { level: 'warn', kind: type, field, fields: { field, reason }, message };
}

function shadowNotice(event: Extract<Logged, { type: 'shadow-check' | 'shadow-difference' }>): Notice {
  const { type: kind, field } = event;
  if (event.type === 'shadow-difference') {
    const { paths, ageMs } = event;
    const where = paths.filter((path) => path !== '').join(', ');
    const message = `${field}: the cached value, ${Math.round(ageMs / 1_000)} s old, differs from what its load returns${where && ` at ${where}`}, and nothing has invalidated it. Look for a change that does not invalidate its tags.`;
    return { level: 'warn', kind, field, fields: { field, paths }, message };
  }
  const { result, error } = event;
  if (result !== 'failed')
    return { level: 'debug', kind, field, fields: { field, result }, message: 'cache shadow-check' };
  const reason = thrownText(error);
  const message = `${field}: could not be loaded for a comparison with the cached value: ${reason}`;
  return { level: 'warn', kind, field, fields: { field, reason }, message };
}

function refusalNotice({ field, reason, what, error }: Extract<CacheEvent, { type: 'write-refused' }>): Notice {
  const { why, advice } = refusals[reason];
  const fields = { field, reason, ...(what === undefined ? {} : { what }) };
  // Of a value without a stored form, the error is the engine's own, and its cause is what a codec threw.
  const cause = reason === 'unencodable' && error instanceof CacheError ? error.cause : undefined;
  const threw = reason === 'invalid-ttl' ? error : cause;
  const thrown = threw === undefined ? '' : `, threw ${thrownText(threw)}`;
  const message = `${field}: answered, not stored: ${why(what)}${thrown}${advice === undefined ? '' : `. ${advice}`}`;
  return { level: advice === undefined ? 'debug' : 'warn', kind: `write-refused ${reason}`, field, fields, message };
}

function uncachedNotice({ field, error }: Extract<CacheEvent, { type: 'uncached' }>): Notice {
  const text = thrownText(error);
  const reason = text.startsWith(`${field}: `) ? text.slice(field.length + 2) : text;
  const advice = error instanceof CacheError ? '' : '. Check viewer, vary, tags and parentId, which must not throw';
  const message = `${field}: answered without the cache: ${reason}${advice}`;
  return { level: 'warn', kind: 'uncached', field, fields: { field, reason }, message };
}

function faultNotice(error: unknown, fields: object): Notice {
  const { kind, text, advice, isConnection, isConsequence } = storeFaultOf(error);
  return {
    level: 'warn',
    kind: `store ${kind}`,
    ...(isConnection ? { fault: 'connection' } : {}),
    isConsequence,
    fields: { ...fields, reason: kind },
    message: `${text}: answering without the cache. ${advice}`,
  };
}
