import { CacheError } from '../base/errors.ts';
import { maskedPath, type Step } from './masked-path.ts';

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

function placed(got: string, path: readonly Step[], sent: ReadonlySet<string>): string {
  return path.length === 0 ? got : `${got} at ${maskedPath(path, sent)}`;
}
