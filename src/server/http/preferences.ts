/** What a client prefers, as its headers `Accept` and `Accept-Encoding` say. RFC 9110, 12.4.2. */
import { parse } from 'content-type';

export interface Preference {
  /** In lower case, such as `application/json`, `text/*` or `gzip`. */
  readonly name: string;
  /** 0…1; 0 means that it is not accepted. */
  readonly quality: number;
  /** In lower case; undefined where the header names none. */
  readonly charset: string | undefined;
}

/** The elements of a header in their order. An element whose quality is malformed is left out. */
export function preferencesIn(header: string): Preference[] {
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
