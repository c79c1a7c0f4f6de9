/** Creates another form of a body. Resolves to undefined if that is not possible now. */
type Make = () => Promise<Buffer | undefined>;

/**
 * Other forms of a cached response's body, such as its compressed bytes, under names chosen by the caller. Each is created once,
 * however many requests wait for it, kept as long as the response, and counted as part of its size.
 */
export class CompressedBodies {
  readonly #onGrowth: (forms: CompressedBodies) => void;
  /** Undefined until the first form is requested: most responses never have any. */
  #forms: Map<string, Buffer | Promise<Buffer | undefined>> | undefined;
  #bytes = 0;

  /** @param onGrowth Called when a form has been added. */
  constructor(onGrowth: (forms: CompressedBodies) => void) {
    this.#onGrowth = onGrowth;
  }

  /** The size of all forms together, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A form that exists. */
  get(name: string): Buffer | undefined {
    const form = this.#forms?.get(name);
    return form instanceof Buffer ? form : undefined;
  }

  /**
   * The form, created by `make` unless it exists or is being created.
   *
   * @returns Undefined if `make` could not create it; the next call tries again.
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
