/**
 * Compressed answers: which encoding a client gets, and how it is made. RFC 9110, 12.5.3.
 *
 * The length of a compressed answer tells something of its content (BREACH). That needs a victim whose browser adds a
 * secret of its own to requests that another site makes. Nothing here reads cookies, and a bearer token is never added so.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, deflateRaw, gzip } from 'node:zlib';
import { readByHeader } from './preferences.ts';

/** The encodings, the preferred one first. */
export const encodings = ['br', 'gzip'] as const;
export type Encoding = (typeof encodings)[number];

/** Shorter answers fit into one packet as they are. */
export const compressedBytesMin = 1_024;

/** Of answers that are being compressed. Zlib's threads are few; what they have no time for is sent as it is. */
const underWayBytesMax = 32_000_000;
/** What an encoder takes beside what it reads. */
const encoderBytes = 300_000;

/** How much a client wants each encoding, 0…1. */
interface Wanted {
  readonly br: number;
  readonly gzip: number;
  /** Undefined where the header does not mention it: then it is accepted, and wanted least. */
  readonly identity: number | undefined;
}

/**
 * The encoding for an answer of `bytes` bytes; undefined: as it is. A client that accepts nothing gets it as it is, too.
 *
 * @param favourite What a client gets that wants both equally.
 */
export function encodingFor(
  acceptEncoding: string | undefined,
  bytes: number,
  favourite: Encoding = 'br',
): Encoding | undefined {
  if (acceptEncoding === undefined || acceptEncoding === '') return undefined;
  const { br, gzip: gzipped, identity } = wantedIn(acceptEncoding);
  // A client that refuses an answer as it is gets even a short one compressed.
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
    // Higher qualities take much longer and gain little on JSON of this size.
    return promisify(brotliCompress)(bytes, {
      params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
  },
  gzip: (bytes: Buffer) => promisify(gzip)(bytes),
  /** Without the frame that makes it gzip. */
  deflate: (bytes: Buffer) => promisify(deflateRaw)(bytes),
};

let underWayBytes = 0;

/** Compresses it in one of zlib's threads. Undefined where too much is being compressed already. */
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
