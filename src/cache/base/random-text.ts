/** Random bytes are taken from the system many at a time: to ask for a few costs as much. */
import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(6_144);
let used = pool.length;

/** `bytes` random bytes, 1…64, as base64url; nobody is given the same ones. */
export function randomText(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('base64url', used - bytes, used);
}
