/** Listens to a store that tells which tokens change. */
export type TrackTokens = (ears: TokenListener) => TokenTracking;

/** What is heard of a store. */
export interface TokenListener {
  /** It is listened to, and can be written to, from now on. */
  onConnected(): void;
  /** One of the two has ended. */
  onDisconnected(): void;
  /** The tokens of these tags are no more what they were; undefined: none is. */
  onChanged(tags: readonly string[] | undefined): void;
  /** There is another value at this key, though the tokens may be what they were. */
  onReplaced(key: string): void;
  /** What has changed before this probe was set has been told. */
  onHeartbeat(probe: number): void;
  /** The store does not tell, and will not soon. */
  onRefused(error: unknown): void;
}

/** The way to a store that is listened to. */
export interface TokenTracking {
  /** Sets what is heard with this number. Rejects where it is not known whether it was set. */
  sendHeartbeat(number: number): Promise<void>;
  /** Begins anew on another connection. */
  reconnect(): void;
  close(): void;
}
