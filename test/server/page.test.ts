import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { send } from './raw-request.ts';
import { ConsoleMissingError, readConsoleFiles } from '../../src/server/http/console-files.ts';
import { startServer, type RunningServer } from './start-server.ts';

const html = { accept: 'text/html' };

it('restricts the page to its own files, forbids frames, and sends no referrer', async () => {
  const server = await startServer();
  const { headers, text } = await server.get('/graphql', html);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(text).not.toMatch(/<script(?![^>]* src=)|\son[a-z]+=|(src|href)="(?!\/console\/)/);
});

it('sends a page of a few kilobytes, whose files have a hash in their names and are kept for a year', async () => {
  const server = await startServer();
  const page = await server.get('/graphql', html);
  expect([page.headers.get('cache-control'), page.text.length < 4_000]).toEqual(['no-cache', true]);
  const paths = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(2);
  for (const path of paths) {
    expect(path).toMatch(/^\/console\/assets\/[\w.-]+-[\w-]{8}\.\w+$/);
    const { status, headers } = await server.get(path);
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
  }
});

it.each([
  '/console/',
  '/console/index.html',
  '/console/../package.json',
  '/console/%2e%2e/src/main.js',
  '/console/assets/x.js',
])('has nothing at %s', async (path) => {
  const server = await startServer();
  expect((await send(server.url, { method: 'GET', path, headers: {} })).status).toBe(404);
});

it('refuses to change a file', async () => {
  const server = await startServer();
  const path = await scriptOf(server);
  const { status, headers } = await send(server.url, { method: 'POST', path, headers: {} });
  expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
});

it.each(['/graphql', '/livez', '/readyz', '/metrics', '/', '/nothing'])('sends nosniff at %s', async (path) => {
  const server = await startServer();
  expect((await server.get(path, html)).headers.get('x-content-type-options')).toBe('nosniff');
});

it('sends no CORS headers to other sites', async () => {
  const server = await startServer();
  const { headers } = await server.get('/graphql?query={__typename}', { origin: 'https://evil.example' });
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it.each([
  ['identity', undefined, (bytes: Buffer) => bytes],
  ['br;q=0, gzip;q=0', undefined, (bytes: Buffer) => bytes],
  ['gzip', 'gzip', gunzipSync],
  ['br', 'br', brotliDecompressSync],
  ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
  ['br;q=0.5, gzip', 'gzip', gunzipSync],
])('sends a script to a client that accepts %s as %s', async (accepted, encoding, decode) => {
  const server = await startServer();
  const path = await scriptOf(server);
  const response = await send(server.url, { method: 'GET', path, headers: { 'accept-encoding': accepted } });
  expect([response.status, response.headers['content-encoding']]).toEqual([200, encoding]);
  expect(response.headers['content-type']).toBe('text/javascript; charset=utf-8');
  expect(decode(response.bytes).length).toBeGreaterThan(500_000);
});

it('sends the page to a client that accepts no compression', async () => {
  const server = await startServer();
  const page = await server.get('/graphql', { ...html, 'accept-encoding': 'identity' });
  expect([page.status, page.text.trimEnd().endsWith('</html>')]).toEqual([200, true]);
});

it('responds 304 to a browser that has the file in the same encoding', async () => {
  const server = await startServer();
  const path = await scriptOf(server);
  const etagIn = async (encoding: string): Promise<string> =>
    (await server.get(path, { 'accept-encoding': encoding })).headers.get('etag') ?? '';
  const etags = { br: await etagIn('br'), gzip: await etagIn('gzip'), identity: await etagIn('identity') };
  expect(new Set(Object.values(etags)).size).toBe(3);
  for (const [encoding, etag] of Object.entries(etags)) {
    expect(etag).toMatch(/^"\S+"$/);
    const again = await server.get(path, { 'accept-encoding': encoding, 'if-none-match': etag });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    for (const name of ['vary', 'cache-control']) expect(again.headers.get(name)).toBeTruthy();
  }
  const other = { 'accept-encoding': 'gzip', 'if-none-match': etags.br };
  expect((await server.get(path, other)).status).toBe(200);
});

it('responds 304 to a browser that has the page, with its policy', async () => {
  const server = await startServer();
  const etag = (await server.get('/graphql', html)).headers.get('etag') ?? '';
  const again = await server.get('/graphql', { ...html, 'if-none-match': etag });
  expect([again.status, again.text]).toEqual([304, '']);
  expect(again.headers.get('content-security-policy')).toBeTruthy();
});

it('keeps one buffer of a file for all clients, including those that do not read it', async () => {
  const server = await startServer();
  const path = await scriptOf(server);
  const before = await residentBytes(server);
  const disconnects = await Promise.all(Array.from({ length: 300 }, () => openUnread(server.url + path)));
  // A copy for each client would take 300 MB.
  expect((await residentBytes(server)) - before).toBeLessThan(100_000_000);
  for (const disconnect of disconnects) disconnect();
});

async function residentBytes(server: RunningServer): Promise<number> {
  const { text } = await server.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** The path of the page's script. */
async function scriptOf(server: RunningServer): Promise<string> {
  const { text } = await server.get('/graphql', html);
  return /<script type="module"[^>]* src="([^"]+)"/.exec(text)?.[1] ?? '';
}

/** Requests a file and does not read it. The returned function disconnects. */
async function openUnread(url: string): Promise<() => void> {
  const headers = { 'accept-encoding': 'identity' };
  const sent = request(url, { headers, agent: false }).on('error', () => {});
  const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
  expect([response.statusCode, response.headers['content-encoding']]).toEqual([200, undefined]);
  return () => void sent.destroy();
}

it('says what to do if the console was not built', async () => {
  const read = readConsoleFiles('/tmp/no-console-is-here');
  await expect(read).rejects.toThrow('build them by "npm run prepare", or set CONSOLE=off');
  await expect(read).rejects.toBeInstanceOf(ConsoleMissingError);
});
