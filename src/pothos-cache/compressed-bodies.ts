/** What makes another form of a body. Undefined: not now. */
type Make = () => Promise<Buffer | undefined>;

/**
 * Other forms of a ready answer's body, such as its compressed bytes, each under a name of the caller's. Each is made once,
 * however many requests wait for it, is kept as long as the answer is, and counts as part of it.
 */
export class CompressedBodies {
  readonly #onGrowth: (forms: CompressedBodies) => void;
  /** Undefined until the first one is asked for: most answers never have any. */
  #forms: Map<string, Buffer | Promise<Buffer | undefined>> | undefined;
  #bytes = 0;

  /** @param onGrowth Runs when a form has been added. */
  constructor(onGrowth: (forms: CompressedBodies) => void) {
    this.#onGrowth = onGrowth;
  }

  /** How many bytes all forms have together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A form that has been made. */
  get(name: string): Buffer | undefined {
    const form = this.#forms?.get(name);
    return form instanceof Buffer ? form : undefined;
  }

  /**
   * The form, made by `make` unless it has been, or is being, made already.
   *
   * @returns Undefined where `make` has made none; the next call tries again.
   * @throws Whatever `make` rejects with.
   */
  make(name: string, make: Make): Promise<Buffer | undefined> {
    const before = this.#forms?.get(name);
    if (before !== undefined) return Promise.resolve(before);
    const making = make().then(
      (bytes) => this.#settle(name, bytes),
      (error: unknown) => {
        this.#settle(name, undefined);
        throw error;
      },
    );
    (this.#forms ??= new Map()).set(name, making);
    return making;
  }

  #settle(name: string, bytes: Buffer | undefined): Buffer | undefined {
    if (bytes === undefined) {
      this.#forms?.delete(name);
    } else {
      this.#forms?.set(name, bytes);
      this.#bytes += bytes.length;
      this.#onGrowth(this);
    }
    return bytes;
  }
}
