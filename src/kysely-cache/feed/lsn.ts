/** Positions in PostgreSQL's write-ahead log, as numbers that can be compared. */

/** Bytes since the log began. */
export type Lsn = bigint;

/** @param text As PostgreSQL writes it: `16/B374D848`. */
export function lsnOf(text: string): Lsn {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new TypeError(`a WAL position is like 16/B374D848, got "${text}"`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function lsnText(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();
}
