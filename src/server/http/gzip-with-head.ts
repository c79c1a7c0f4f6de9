/**
 * Gzip of a text in two parts: a head that differs each time, and a body that was deflated before. Deflate's blocks can follow each
 * other freely, so the head becomes blocks of its own, which are stored uncompressed. RFC 1951, 3.2.4; RFC 1952.
 */
import { crc32 } from 'node:zlib';

/** Method 8, without flags, time, and system. */
const frame = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const blockBytesMax = 65_535;

/** @param deflated `body`, as `deflateRaw` returns it. */
export function gzipWithHead(head: Buffer, body: Buffer, deflated: Buffer): Buffer {
  const parts: Buffer[] = [frame];
  for (let start = 0; start < head.length; start += blockBytesMax) {
    const block = head.subarray(start, start + blockBytesMax);
    const length = Buffer.alloc(5); // the first byte says: stored, and not the last block
    length.writeUInt16LE(block.length, 1);
    length.writeUInt16LE(0xffff - block.length, 3);
    parts.push(length, block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(body, crc32(head)), 0);
  trailer.writeUInt32LE((head.length + body.length) % 2 ** 32, 4);
  return Buffer.concat([...parts, deflated, trailer]);
}
