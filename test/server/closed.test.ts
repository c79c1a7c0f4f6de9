/** What a server with CONSOLE=off hides from its clients, and which operations need the admin token. */
import { describe, expect, it } from 'vitest';
import type { GraphqlError } from './client.ts';
import { send, type RawRequest } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

const flush = 'mutation { flushCache { keysRemoved } }';

describe('with CONSOLE=off', () => {
  it('answers queries, also from the cache', async () => {
    const server = await startServer({ hasConsole: false });
    expect((await server.row('{ categoryStats { id } }')).state).toBe('miss');
    expect((await server.row('{ categoryStats { id } }')).state).toBe('hit');
    expect((await server.ask('{ __typename }')).data).toEqual({ __typename: 'Query' });
  });

  it('serves no page to a browser', async () => {
    const server = await startServer({ hasConsole: false });
    const { status, text } = await server.get('/graphql', { accept: 'text/html' });
    expect([status, text.includes('<')]).toEqual([406, false]);
  });

  it('serves none of the files that the page loads', async () => {
    const open = await startServer();
    const page = await open.get('/graphql', { accept: 'text/html' });
    const script = /<script type="module"[^>]* src="([^"]+)"/.exec(page.text)?.[1] ?? '';
    expect((await open.get(script)).status).toBe(200);
    const closed = await startServer({ hasConsole: false });
    expect((await closed.get(script)).status).toBe(404);
  });

  it.each(['{ __schema { types { name } } }', '{ __type(name: "Query") { fields { name } } }'])(
    'rejects introspection: %s',
    async (query) => {
      const server = await startServer({ hasConsole: false });
      const { data, errors } = await server.ask(query);
      expect(data).toBeUndefined();
      expect(errors.map(({ extensions }) => extensions?.code)).toContain('GRAPHQL_VALIDATION_FAILED');
    },
  );

  it.each([
    '{ categoryStat { id } }',
    '{ categoryStats { nam } }',
    '{ searchProducts(qq: "x") { id } }',
    'query ($x: Strin) { searchProducts(q: $x) { id } }',
    '{ categoryStats { ...on CategoryStat { id } } }',
  ])('suggests no names in its errors: %s', async (query) => {
    const closed = await startServer({ hasConsole: false });
    const open = await startServer();
    expect((await open.ask(query)).text).toContain('Did you mean');
    const { errors, text } = await closed.ask(query);
    expect(errors.length).toBeGreaterThan(0);
    expect(text).not.toContain('Did you mean');
    expect((await closed.ask(query)).text).toBe(text);
  });

  it.each(['{ categoryStats @cache(mode: BYPASS) { id } }', 'query @cache(mode: BYPASS) { categoryStats { id } }'])(
    'rejects @cache, with which any client could send every request to the database: %s',
    async (query) => {
      const server = await startServer({ hasConsole: false });
      await server.row('{ categoryStats { id } }');
      server.statements();
      for (let again = 0; again < 3; again += 1) {
        const { errors } = await server.ask(query);
        expect(errors[0]?.message).toBe('Unknown directive "@cache".');
      }
      expect(server.statements()).toEqual([]);
    },
  );

  it('uses the same keys as a server with a console', async () => {
    const [open, closed] = [await startServer(), await startServer({ hasConsole: false })];
    const keyOf = async ({ row, namespace }: RunningServer): Promise<string> =>
      (await row('{ categoryStats { id } }')).key.replace(namespace, '');
    expect(await keyOf(closed)).toBe(await keyOf(open));
  });

  it('executes no mutation if no ADMIN_TOKEN is configured', async () => {
    const server = await startServer({ hasConsole: false });
    const { status, errors } = await sendMutation(server, { authorization: 'Bearer undefined' });
    expect(status).toBe(401);
    expect(errors).toMatchObject([
      {
        message: 'Mutations are switched off: this server has no ADMIN_TOKEN.',
        extensions: { code: 'UNAUTHENTICATED' },
      },
    ]);
  });
});

describe.each([true, false])('with an ADMIN_TOKEN and a console: %s', (hasConsole) => {
  const adminToken = 'open-sesame';

  it.each([
    ['no header', {}],
    ['an empty header', { authorization: '' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a wrong token', { authorization: 'Bearer open-sesamE' }],
    ['a part of the token', { authorization: 'Bearer open' }],
    ['the token and another character', { authorization: 'Bearer open-sesame!' }],
    ['the token twice', { authorization: 'Bearer open-sesame open-sesame' }],
    ['another scheme', { authorization: `Basic ${Buffer.from('admin:open-sesame').toString('base64')}` }],
  ])('refuses a mutation with %s, and changes nothing', async (_, headers) => {
    const server = await startServer({ hasConsole, adminToken, logLevel: 'debug' });
    await server.row('{ categoryStats { id } }');
    const { status, errors, text, challenge } = await sendMutation(server, headers);
    expect([status, challenge]).toEqual([401, 'Bearer']);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect(text + server.logLines.join('')).not.toContain('sesame');
    expect((await server.row('{ categoryStats { id } }')).state).toBe('hit');
  });

  it('executes a mutation with the token, and a query without it', async () => {
    const server = await startServer({ hasConsole, adminToken, logLevel: 'debug' });
    await server.row('{ categoryStats { id } }');
    const { status, errors, text } = await sendMutation(server, { authorization: 'Bearer open-sesame' });
    expect([status, errors]).toEqual([200, []]);
    expect(JSON.parse(text)).toMatchObject({ data: { flushCache: { keysRemoved: 1 } } });
    expect(server.logLines.join('')).not.toContain('sesame');
  });

  it('checks the operation that is executed, not the first of its document', async () => {
    const server = await startServer({ hasConsole, adminToken });
    const two = `query A { __typename } mutation B { flushCache { keysRemoved } }`;
    const queried = await send(server.url, { body: JSON.stringify({ query: two, operationName: 'A' }) });
    const mutated = await send(server.url, { body: JSON.stringify({ query: two, operationName: 'B' }) });
    expect([queried.status, mutated.status]).toEqual([200, 401]);
  });
});

describe('executes no mutation that a page of another site can send without a preflight', () => {
  const form = 'application/x-www-form-urlencoded';
  const multipart = 'multipart/form-data; boundary=x';
  const operations = `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${JSON.stringify({ query: flush })}\r\n--x--`;
  it.each<[string, RawRequest]>([
    ['text/plain', { headers: { 'content-type': 'text/plain' }, body: JSON.stringify({ query: flush }) }],
    ['a form', { headers: { 'content-type': form }, body: `query=${encodeURIComponent(flush)}` }],
    ['a form of JSON', { headers: { 'content-type': form }, body: JSON.stringify({ query: flush }) }],
    ['multipart', { headers: { 'content-type': multipart }, body: operations }],
    ['no content type', { headers: {}, body: JSON.stringify({ query: flush }) }],
    ['GET', { method: 'GET', headers: {}, path: `/graphql?query=${encodeURIComponent(flush)}` }],
    [
      'GET that accepts HTML',
      { method: 'GET', headers: { accept: 'text/html' }, path: `/graphql?query=${encodeURIComponent(flush)}` },
    ],
    [
      'GET with a body',
      {
        method: 'GET',
        headers: {
          'content-type': 'application/json',
          'content-length': String(JSON.stringify({ query: flush }).length),
        },
        body: JSON.stringify({ query: flush }),
      },
    ],
  ])('%s', async (_, request) => {
    const server = await startServer();
    await server.row('{ categoryStats { id } }');
    const { text } = await send(server.url, {
      ...request,
      headers: { ...request.headers, origin: 'https://evil.example' },
    });
    expect(text).not.toContain('keysRemoved"');
    expect((await server.row('{ categoryStats { id } }')).state).toBe('hit');
  });
});

interface Reply {
  status: number;
  errors: GraphqlError[];
  challenge: string | undefined;
  text: string;
}

async function sendMutation({ url }: RunningServer, headers: Record<string, string>): Promise<Reply> {
  const response = await send(url, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: flush }),
  });
  const { errors = [] } = JSON.parse(response.text) as { errors?: GraphqlError[] };
  return { status: response.status, errors, challenge: response.headers['www-authenticate'], text: response.text };
}
