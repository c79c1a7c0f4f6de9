import { CacheError } from '../base/errors.ts';

/** One step into a value: the name of a property, or the index of an item or an entry. */
export type Step = string | number;

/** Reports why a value has no stored form: what was found, without an article, and where. */
export class UnencodableError extends CacheError {
  readonly got: string;
  readonly path: readonly Step[];
  /** Whether a codec would give it a stored form. */
  readonly needsCodec: boolean;

  /** @param options.cause What a codec threw. */
  constructor(got: string, path: readonly Step[], options: ErrorOptions & { needsCodec?: boolean } = {}) {
    super('UNENCODABLE', placed(got, path, new Set()), options);
    this.got = got;
    this.path = path;
    this.needsCodec = options.needsCodec ?? false;
  }

  /**
   * Returns a text such as `instance of Decimal at 0.price, which needs a codec (codecs of createCache)`.
   *
   * @param sent Texts that clients sent. A property whose name is one of them is not named.
   */
  what(sent: ReadonlySet<string>): string {
    const text = placed(this.got, this.path, sent);
    return this.needsCodec ? `${text}, which needs a codec (codecs of createCache)` : text;
  }
}

const stepsMax = 12;

/** Names that are not identifiers, such as ids and e-mail addresses, are data, and are written as `*`. */
function placed(got: string, path: readonly Step[], sent: ReadonlySet<string>): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return step;
    return /^[A-Za-z_$][\w$]{0,39}$/.test(step) && !sent.has(step) ? step : '*';
  });
  const text = steps.length > stepsMax ? [...steps.slice(0, stepsMax), '…'] : steps;
  return steps.length === 0 ? got : `${got} at ${text.join('.')}`;
}
