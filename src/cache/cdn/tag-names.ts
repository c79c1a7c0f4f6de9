/**
 * How tags are written in the headers that CDNs read. A name consists of characters that every CDN accepts: neither spaces nor commas,
 * which separate names, nor what Akamai rejects, such as the colon. It is at most 128 characters long, Akamai's limit; Cloudflare, Fastly
 * and CloudFront accept longer ones. Some CDNs ignore case: they purge more than necessary then, never less.
 *
 *   in the cache      | for CDNs
 *   everything        | `shop`
 *   `products:42`     | `shop.products.42`
 *   `products:!`      | `shop.products.!`
 *   a value           | `shop!<digest of its key>`
 *   a field           | `shop!Query.product`
 *   anything longer   | `shop~<digest>`
 *   with a secret     | a keyed digest of the above
 */
import { createHash, createHmac } from 'node:crypto';
import { everyRow, rowOf } from '../tags/tags.ts';

const nameCharsMax = 128;
/** In hexadecimal digits, because some CDNs ignore case: 80 bits. Equal digests would purge more than necessary. */
const digestChars = 20;

/** The names of one namespace. */
export class TagNames {
  /** That of every response. */
  readonly everything: string;
  readonly #namespace: string;
  readonly #secret: string | undefined;

  /** @param secret Names are keyed digests with it. Those without a key would reveal the names of tables to anyone who guesses them. */
  constructor({ namespace, secret }: { namespace: string; secret: string | undefined }) {
    this.#namespace = namespace;
    this.#secret = secret;
    this.everything = this.#name('');
  }

  ofTag(tag: string): string {
    const { table, id } = rowOf(tag) ?? { table: tag, id: undefined };
    if (id === undefined) return this.#name(`.${escaped(table)}`);
    // The id of a row cannot be this one; in its name the character is escaped.
    return this.#name(`.${escaped(table)}.${id === everyRow ? everyRow : id.split(':').map(escaped).join('.')}`);
  }

  /** @param key Its text. It contains arguments, and would be too long. */
  ofValue(key: string): string {
    return this.#name(`!${sha256(key)}`);
  }

  /** Of all values of a field, whatever their arguments. */
  ofField(field: string): string {
    return this.#name(`!${field.split('.').map(escaped).join('.')}`);
  }

  #name(end: string): string {
    const name = this.#namespace + end;
    if (this.#secret !== undefined)
      return createHmac('sha256', this.#secret).update(name).digest('hex').slice(0, digestChars);
    return name.length <= nameCharsMax ? name : `${this.#namespace}~${sha256(name)}`;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digestChars);
}

/** Percent-encoded, except for letters, digits, `_` and `-`. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*.~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
