/** Texts beside the cache, in the same store, for all processes: such as how far a feed of changes has been read. */
export interface StoredData {
  /** Undefined if there is none. */
  get(name: string): Promise<string | undefined>;
  /** @param name 1…200 characters. The text is kept for `dataTtlMs` after it was written last. */
  set(name: string, text: string): Promise<void>;
}

/** Thirty days. */
export const dataTtlMs = 2_592_000_000;
