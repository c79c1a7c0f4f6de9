/** Random bytes are read from the system in large blocks, because reading a few costs as much. */
import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(6_144);
let used = pool.length;

/** Returns `bytes` random bytes, 1…64, as base64url. No bytes are returned twice. */
export function randomText(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('base64url', used - bytes, used);
}
