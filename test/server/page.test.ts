import { request } from 'node:http';
import { expect, it } from 'vitest';
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

it('is not sent without gzip, which would be nine megabytes', async () => {
  const server = await startServer();
  const gzipped = await server.get('/graphql', { ...html, 'accept-encoding': 'gzip' });
  expect([gzipped.headers.get('content-encoding'), gzipped.text.length > 1_000_000]).toEqual(['gzip', true]);
  const plain = await server.get('/graphql', { ...html, 'accept-encoding': 'identity' });
  expect([plain.status, plain.text]).toEqual([406, expect.stringContaining('with gzip alone')]);
});

it('costs no memory for readers that do not read it', async () => {
  const server = await startServer();
  const before = await residentBytes(server);
  const readers = Array.from({ length: 300 }, () => {
    const reader = request(`${server.url}/graphql`, {
      headers: { ...html, 'accept-encoding': 'identity' },
      agent: false,
    });
    reader.on('error', () => {}).end();
    return new Promise<() => void>((resolve) => reader.on('response', () => resolve(() => reader.destroy())));
  });
  const ends = await Promise.all(readers);
  // A page for each would be 700 MB.
  expect((await residentBytes(server)) - before).toBeLessThan(100_000_000);
  for (const end of ends) end();
});

async function residentBytes(server: RunningServer): Promise<number> {
  const { text } = await server.get('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}
