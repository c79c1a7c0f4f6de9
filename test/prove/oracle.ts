/** Finds stale reads in the logs of several processes. */

/** Flat triples of row, version and time in nanoseconds; see `engine-process.mjs`. */
export interface Log {
  readonly reads: Float64Array;
  readonly writes: Float64Array;
}

/** Counts the reads that returned a version below the highest one acknowledged before the read began. */
export function violationsIn(logs: readonly Log[]): { violations: number; writes: number } {
  const acknowledged = new Map<number, { atNs: number; version: number }[]>();
  let writes = 0;
  for (const { writes: log } of logs) {
    for (const [row, version, atNs] of triples(log)) {
      const ofRow = acknowledged.get(row) ?? [];
      acknowledged.set(row, ofRow);
      ofRow.push({ atNs, version });
      writes += 1;
    }
  }
  for (const ofRow of acknowledged.values()) {
    ofRow.sort((a, b) => a.atNs - b.atNs);
    for (const [index, write] of ofRow.entries())
      write.version = Math.max(write.version, ofRow[index - 1]?.version ?? 0);
  }
  let violations = 0;
  for (const { reads: log } of logs) {
    for (const [row, version, beganNs] of triples(log)) {
      if (version < highestBefore(acknowledged.get(row) ?? [], beganNs)) violations += 1;
    }
  }
  return { violations, writes };
}

function highestBefore(writes: readonly { atNs: number; version: number }[], atNs: number): number {
  let [low, high] = [0, writes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((writes[middle]?.atNs ?? Infinity) < atNs) low = middle + 1;
    else high = middle;
  }
  return writes[low - 1]?.version ?? 0;
}

function* triples(log: Float64Array): Generator<readonly [number, number, number]> {
  for (let at = 0; at < log.length; at += 3) yield [log[at] ?? 0, log[at + 1] ?? 0, log[at + 2] ?? 0];
}
