import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { send } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

const html = { accept: 'text/html' };

it('restricts the page to its own scripts, forbids frames, and sends no referrer', async () => {
  const server = await startServer();
  const { headers } = await server.get('/graphql', html);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/default-src 'none'; script-src 'sha256-\S+'( 'sha256-\S+')*; style-src/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
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

it('refuses to send the page uncompressed, which would be nine megabytes', async () => {
  const server = await startServer();
  const plain = await server.get('/graphql', { ...html, 'accept-encoding': 'identity' });
  expect([plain.status, plain.text]).toEqual([406, expect.stringContaining('accept-encoding was identity')]);
});

it.each([
  ['gzip', 'gzip', gunzipSync],
  ['br', 'br', brotliDecompressSync],
  ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
  ['br;q=0.5, gzip', 'gzip', gunzipSync],
])('sends the page to a client that accepts %s as %s', async (accepted, encoding, decode) => {
  const server = await startServer();
  const headers = { ...html, 'accept-encoding': accepted };
  const response = await send(server.url, { method: 'GET', headers });
  expect([response.status, response.headers['content-encoding']]).toEqual([200, encoding]);
  const page = decode(response.bytes).toString();
  expect([page.length > 5_000_000, page.trimEnd().endsWith('</html>')]).toEqual([true, true]);
});

it('responds 304 to a browser that has the page in the same encoding', async () => {
  const server = await startServer();
  const etagIn = async (encoding: string): Promise<string> =>
    (await server.get('/graphql', { ...html, 'accept-encoding': encoding })).headers.get('etag') ?? '';
  const etags = { br: await etagIn('br'), gzip: await etagIn('gzip') };
  expect(etags.br).not.toBe(etags.gzip);
  for (const [encoding, etag] of Object.entries(etags)) {
    expect(etag).toMatch(/^"\S+"$/);
    const again = await server.get('/graphql', { ...html, 'accept-encoding': encoding, 'if-none-match': etag });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    for (const name of ['vary', 'cache-control', 'content-security-policy'])
      expect(again.headers.get(name)).toBeTruthy();
  }
  const other = { ...html, 'accept-encoding': 'gzip', 'if-none-match': etags.br };
  expect((await server.get('/graphql', other)).status).toBe(200);
});

it('keeps one buffer of the page for all clients, including those that do not read it', async () => {
  const server = await startServer();
  const before = await residentBytes(server);
  const disconnects = await Promise.all(Array.from({ length: 300 }, () => openUnread(server.url)));
  // A copy for each client would take 700 MB.
  expect((await residentBytes(server)) - before).toBeLessThan(100_000_000);
  for (const disconnect of disconnects) disconnect();
});

async function residentBytes(server: RunningServer): Promise<number> {
  const { text } = await server.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** Requests the page and does not read it. The returned function disconnects. */
async function openUnread(url: string): Promise<() => void> {
  const headers = { ...html, 'accept-encoding': 'gzip' };
  const sent = request(`${url}/graphql`, { headers, agent: false }).on('error', () => {});
  const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
  expect([response.statusCode, response.headers['content-encoding']]).toEqual([200, 'gzip']);
  return () => void sent.destroy();
}
