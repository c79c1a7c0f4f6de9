/** The console's page and what it loads, as `vite build` has written them to `dist/console`. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { compressedBytesMin, encodingFor, encodings, type Encoding } from '../transport/compression.ts';
import { clientHas } from '../transport/caching-headers.ts';
import { send } from '../transport/send.ts';
import type { Exchange } from './exchange.ts';

/** The path below which the page's scripts, styles, fonts and workers are. */
export const consolePath = '/console/';

/** One file, with its compressed forms. One buffer each, for all readers. */
export interface ConsoleFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly compressed: Partial<Record<Encoding, Buffer>>;
  /** Of the uncompressed form; the others add their encoding to it. */
  readonly digest: string;
}

/** The files cannot be read. The message says what to do. */
export class ConsoleMissingError extends Error {
  override readonly name = 'ConsoleMissingError';

  constructor(options: ErrorOptions) {
    super('The files of the console cannot be read: build them by "npm run prepare", or set CONSOLE=off.', options);
  }
}

export interface ConsoleFiles {
  readonly page: ConsoleFile;
  /** By path, such as `/console/assets/index-CbhGVh9z.js`. */
  readonly assets: ReadonlyMap<string, ConsoleFile>;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};
const extensions: Readonly<Record<Encoding, string>> = { br: '.br', gzip: '.gz' };

/** Only the page's own files, from this server alone. The editor writes styles while it runs, and cannot name them. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders = {
  'cache-control': 'no-cache',
  vary: 'accept, accept-encoding',
  'content-security-policy': contentSecurityPolicy,
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};
/** The name of an asset changes with its content. A worker is a document of its own, and needs the policy itself. */
const assetHeaders = {
  'cache-control': 'public, max-age=31536000, immutable',
  vary: 'accept-encoding',
  'content-security-policy': contentSecurityPolicy,
};

/**
 * Reads all of them.
 *
 * @param built Where they are. Default: where the package has them.
 * @throws {ConsoleMissingError} if the console was not built.
 */
export async function readConsoleFiles(built?: string): Promise<ConsoleFiles> {
  try {
    return await readFolder(built ?? (await import('../../console-page/index.ts')).consoleFolder);
  } catch (cause) {
    throw new ConsoleMissingError({ cause });
  }
}

async function readFolder(folder: string): Promise<ConsoleFiles> {
  const pagePath = join(folder, 'index.html');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const known = new Set(paths);
  const originals = paths.filter((path) => contentTypes[extname(path)] !== undefined && path !== pagePath);
  const assets = await Promise.all(
    originals.map(async (path) => {
      const url = consolePath + relative(folder, path).split(sep).join('/');
      return [url, await readConsoleFile(path, known, assetHeaders)] as const;
    }),
  );
  return { page: await readConsoleFile(pagePath, known, pageHeaders), assets: new Map(assets) };
}

/** Sends the file in the encoding that the client prefers, or tells the client that it has the file already. */
export function sendConsoleFile(exchange: Exchange, file: ConsoleFile): void {
  const { request, response } = exchange;
  exchange.answer = 'console';
  // A short file has no compressed form.
  const isCompressed = encodings.every((encoding) => file.compressed[encoding] !== undefined);
  const encoding = isCompressed ? encodingFor(request.headers['accept-encoding'], compressedBytesMin) : undefined;
  const etag = `"${file.digest}${encoding === undefined ? '' : `-${encoding}`}"`;
  const { 'content-type': contentType = '', ...others } = file.headers;
  const headers = { ...others, etag };
  if (clientHas(request, etag)) return send(response, { status: 304, headers });
  send(response, {
    status: 200,
    headers: { ...headers, 'content-type': contentType, ...(encoding && { 'content-encoding': encoding }) },
    body: (encoding && file.compressed[encoding]) ?? file.bytes,
  });
}

async function readConsoleFile(
  path: string,
  known: ReadonlySet<string>,
  headers: Readonly<Record<string, string>>,
): Promise<ConsoleFile> {
  const bytes = await readFile(path);
  const compressed: Partial<Record<Encoding, Buffer>> = {};
  for (const encoding of encodings) {
    const compressedPath = `${path}${extensions[encoding]}`;
    if (known.has(compressedPath)) compressed[encoding] = await readFile(compressedPath);
  }
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { headers: { ...headers, 'content-type': contentTypes[extname(path)] ?? '' }, bytes, compressed, digest };
}
