/** Starts listening to a store that reports which tokens change. */
export type TrackTokens = (listener: TokenListener) => TokenTracking;

/** Called with what the store reports. */
export interface TokenListener {
  /** Changes are reported, and heartbeats can be sent, from now on. */
  onConnected(): void;
  /** One of the two connections has ended. */
  onDisconnected(): void;
  /** The tokens of these tags have changed; undefined: any token may have. */
  onChanged(tags: readonly string[] | undefined): void;
  /** Another value was stored at this key, though its tokens may be unchanged. */
  onReplaced(key: string): void;
  /** Every change from before this heartbeat was sent has been reported. */
  onHeartbeat(number: number): void;
  /** The store does not report changes, and will not soon. */
  onRefused(error: unknown): void;
}

/** A store that reports which tokens change. */
export interface TokenTracking {
  /** Sends the heartbeat with this number. Rejects if it is not known whether it was set. */
  sendHeartbeat(number: number): Promise<void>;
  /** Starts again on another connection. */
  reconnect(): void;
  close(): void;
}
