/** What a client prefers, from its headers `Accept` and `Accept-Encoding`. RFC 9110, 12.4.2. */
import { parse } from 'content-type';
import { LRUCache } from 'lru-cache';

export interface Preference {
  /** In lower case, such as `application/json`, `text/*` or `gzip`. */
  readonly name: string;
  /** 0…1; 0 means that it is not accepted. */
  readonly quality: number;
  /** In lower case; undefined where the header names none. */
  readonly charset: string | undefined;
}

/** Clients send the same few values of a header repeatedly. */
const keptMax = 100;
const keptCharsMax = 1_000;

/** What `read` makes of the preferences in a header, kept by the header's text. */
export function readByHeader<T extends object>(read: (preferences: readonly Preference[]) => T): (header: string) => T {
  const kept = new LRUCache<string, T>({ max: keptMax });
  return (header) => {
    const before = kept.get(header);
    if (before !== undefined) return before;
    const made = read(preferencesIn(header));
    if (header.length <= keptCharsMax) kept.set(header, made);
    return made;
  };
}

/** The elements of a header, in order. An element whose quality is malformed is omitted. */
function preferencesIn(header: string): Preference[] {
  const preferences: Preference[] = [];
  for (let start = 0; start < header.length;) {
    const { type: name, parameters, index } = parse(header, { comma: true, start });
    const { q = '1', charset } = parameters;
    if (name !== '' && /^(0(\.\d*)?|1(\.0*)?)$/.test(q)) {
      preferences.push({ name, quality: Number(q), charset: charset?.toLowerCase() });
    }
    start = index + 1;
  }
  return preferences;
}
