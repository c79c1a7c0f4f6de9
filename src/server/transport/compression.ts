/**
 * Compressed responses: which encoding a client gets, and how it is made. RFC 9110, 12.5.3.
 *
 * The length of a compressed response reveals something about its content (BREACH). That needs a victim whose browser adds a secret to
 * requests that another site makes. Nothing here reads cookies, and browsers never add a bearer token by themselves.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, deflateRaw, gzip } from 'node:zlib';
import { readByHeader } from './preferences.ts';

/** The encodings, the preferred one first. */
export const encodings = ['br', 'gzip'] as const;
export type Encoding = (typeof encodings)[number];

/** Shorter responses fit into one packet uncompressed. */
export const compressedBytesMin = 1_024;

/** Bytes of responses that are being compressed. Zlib has few threads; what they have no time for is sent uncompressed. */
const underWayBytesMax = 32_000_000;
/** The size of an encoder besides what it reads. */
const encoderBytes = 300_000;

/** How much a client prefers each encoding, 0…1. */
interface Wanted {
  readonly br: number;
  readonly gzip: number;
  /** Undefined if the header does not mention it: then it is accepted, and preferred least. */
  readonly identity: number | undefined;
}

/**
 * The encoding for a response of `bytes` bytes; undefined: uncompressed, also for a client that accepts nothing.
 *
 * @param favourite What a client gets that prefers both equally.
 */
export function encodingFor(
  acceptEncoding: string | undefined,
  bytes: number,
  favourite: Encoding = 'br',
): Encoding | undefined {
  if (acceptEncoding === undefined || acceptEncoding === '') return undefined;
  const { br, gzip: gzipped, identity } = wantedIn(acceptEncoding);
  // A client that rejects uncompressed responses gets even a short one compressed.
  if (bytes < compressedBytesMin && identity !== 0) return undefined;
  const most = Math.max(br, gzipped);
  if (most === 0 || most < (identity ?? 0)) return undefined;
  if (br === gzipped) return favourite;
  return br > gzipped ? 'br' : 'gzip';
}

const wantedIn = readByHeader((preferences): Wanted => {
  const qualityOf = (...names: string[]): number | undefined =>
    (preferences.find(({ name }) => names.includes(name)) ?? preferences.find(({ name }) => name === '*'))?.quality;
  return {
    br: qualityOf('br') ?? 0,
    gzip: qualityOf('gzip', 'x-gzip') ?? 0,
    identity: qualityOf('identity'),
  };
});

const compressors = {
  br(bytes: Buffer) {
    const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = constants;
    // Higher levels take much longer and gain little on JSON of this size.
    return promisify(brotliCompress)(bytes, {
      params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
  },
  gzip: (bytes: Buffer) => promisify(gzip)(bytes),
  /** Without the frame of gzip. */
  deflate: (bytes: Buffer) => promisify(deflateRaw)(bytes),
};

let underWayBytes = 0;

/** Compresses in one of zlib's threads. Undefined if too much is being compressed already. */
export async function compressed(bytes: Buffer, method: keyof typeof compressors): Promise<Buffer | undefined> {
  const cost = bytes.length + encoderBytes;
  if (underWayBytes + cost > underWayBytesMax) return undefined;
  underWayBytes += cost;
  try {
    return await compressors[method](bytes);
  } finally {
    underWayBytes -= cost;
  }
}
