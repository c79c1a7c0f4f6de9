import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { send } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

const html = { accept: 'text/html' };

it('lets the page run its own scripts alone, in no frame, and tells nobody where it was', async () => {
  const server = await startServer();
  const { headers } = await server.get('/graphql', html);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/default-src 'none'; script-src 'sha256-\S+'( 'sha256-\S+')*; style-src/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
});

it.each(['/graphql', '/livez', '/readyz', '/metrics', '/', '/nothing'])('says nosniff at %s', async (path) => {
  const server = await startServer();
  expect((await server.get(path, html)).headers.get('x-content-type-options')).toBe('nosniff');
});

it('gives other sites nothing to read, and no leave to send', async () => {
  const server = await startServer();
  const { headers } = await server.get('/graphql?query={__typename}', { origin: 'https://evil.example' });
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it('is not sent uncompressed, which would be nine megabytes', async () => {
  const server = await startServer();
  const plain = await server.get('/graphql', { ...html, 'accept-encoding': 'identity' });
  expect([plain.status, plain.text]).toEqual([406, expect.stringContaining('accept-encoding was identity')]);
});

it.each([
  ['gzip', 'gzip', gunzipSync],
  ['br', 'br', brotliDecompressSync],
  ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
  ['br;q=0.5, gzip', 'gzip', gunzipSync],
])('to %s comes as %s', async (accepted, encoding, decode) => {
  const server = await startServer();
  const headers = { ...html, 'accept-encoding': accepted };
  const answer = await send(server.url, { method: 'GET', headers });
  expect([answer.status, answer.headers['content-encoding']]).toEqual([200, encoding]);
  const page = decode(answer.bytes).toString();
  expect([page.length > 5_000_000, page.trimEnd().endsWith('</html>')]).toEqual([true, true]);
});

it('is not sent again to a browser that has it in the same encoding', async () => {
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

it('is one buffer in memory for all its readers, also those that do not read', async () => {
  const server = await startServer();
  const before = await residentBytes(server);
  const ends = await Promise.all(Array.from({ length: 300 }, () => openUnread(server.url)));
  // A page for each would be 700 MB.
  expect((await residentBytes(server)) - before).toBeLessThan(100_000_000);
  for (const end of ends) end();
});

async function residentBytes(server: RunningServer): Promise<number> {
  const { text } = await server.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** Asks for the page and does not read it, until the returned function is called. */
async function openUnread(url: string): Promise<() => void> {
  const headers = { ...html, 'accept-encoding': 'gzip' };
  const reader = request(`${url}/graphql`, { headers, agent: false }).on('error', () => {});
  const [answer] = (await once(reader.end(), 'response')) as [IncomingMessage];
  expect([answer.statusCode, answer.headers['content-encoding']]).toEqual([200, 'gzip']);
  return () => void reader.destroy();
}
