/** Listens to a store that tells which tokens change. */
export type TrackTokens = (ears: TokenEars) => TokenTracking;

/** What is heard of a store. */
export interface TokenEars {
  /** It is listened to, and can be written to, from now on. */
  listening(): void;
  /** One of the two has ended. */
  deaf(): void;
  /** The tokens of these tags are no more what they were; undefined: none is. */
  changed(tags: readonly string[] | undefined): void;
  /** There is another value at this key, though the tokens may be what they were. */
  replaced(key: string): void;
  /** What has changed before this probe was set has been told. */
  heard(probe: number): void;
  /** The store does not tell, and will not soon. */
  refused(error: unknown): void;
}

/** The way to a store that is listened to. */
export interface TokenTracking {
  /** Sets what is heard with this number. Rejects where it is not known whether it was set. */
  probe(number: number): Promise<void>;
  /** Begins anew on another connection. */
  reconnect(): void;
  close(): void;
}
