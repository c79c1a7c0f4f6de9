/** The attributes of spans. Their names begin with the name of this package, because OpenTelemetry has no conventions for caches. */
import type { Attributes } from '@opentelemetry/api';
import type { OperationEnd, TracedOperation } from '../cache/index.ts';

/** The names of all attributes. The key is not among them: it contains a hash of the arguments and the viewer, which may be guessed from it. */
const names = {
  field: 'cachepot.field',
  tagCount: 'cachepot.tag_count',
  entryCount: 'cachepot.entry_count',
  ttlMs: 'cachepot.ttl_ms',
  textChars: 'cachepot.text_chars',
  state: 'cachepot.state',
  tier: 'cachepot.tier',
  ageMs: 'cachepot.age_ms',
  isFallback: 'cachepot.is_fallback',
  isStored: 'cachepot.is_stored',
  keysRemoved: 'cachepot.keys_removed',
  isReplaced: 'cachepot.is_replaced',
  errorType: 'error.type',
} as const satisfies Partial<Record<keyof (TracedOperation & OperationEnd), string>>;

export function attributesOf(shown: TracedOperation | OperationEnd): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(shown)) {
    if (isShown(name)) attributes[names[name]] = value as string | number | boolean;
  }
  return attributes;
}

function isShown(name: string): name is keyof typeof names {
  return Object.hasOwn(names, name);
}
