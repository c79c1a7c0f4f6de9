// What an operation asks for is measured before it is executed; once where it has no variables, else each time.
import { expect, it } from 'vitest';
import { startServer, type RunningServer } from './start-server.ts';

const wide = 'category { products(limit: 100) { reviews { id } } }';
const cheap = '{ id }';

it('measures an operation with variables each time', async () => {
  const server = await startServer();
  const query = `query ($limit: Int!) { searchProducts(limit: $limit) { ${wide} } }`;
  const asked = [1, 100, 1, 100].map((limit) => ({ query, variables: { limit } }));
  expect(await codesOf(server, asked)).toEqual([undefined, 'QUERY_TOO_COMPLEX', undefined, 'QUERY_TOO_COMPLEX']);
});

it('measures each operation of a document for itself, whichever is asked for first', async () => {
  const server = await startServer();
  const query = `query A { searchProducts(limit: 1) ${cheap} } query B { searchProducts(limit: 100) { ${wide} } }`;
  const asked = ['A', 'B', 'A', 'B'].map((operationName) => ({ query, operationName }));
  expect(await codesOf(server, asked)).toEqual([undefined, 'QUERY_TOO_COMPLEX', undefined, 'QUERY_TOO_COMPLEX']);
});

it('measures an operation by the fragments of its own document', async () => {
  const server = await startServer();
  const operation = 'query A { searchProducts(limit: 100) { ...f } }';
  const asked = [cheap, `{ ${wide} }`].map((body) => ({ query: `${operation} fragment f on Product ${body}` }));
  expect(await codesOf(server, [...asked, ...asked])).toEqual([
    undefined,
    'QUERY_TOO_COMPLEX',
    undefined,
    'QUERY_TOO_COMPLEX',
  ]);
});

/** The code of each answer, asked for one after another. */
async function codesOf(server: RunningServer, bodies: readonly object[]): Promise<(string | undefined)[]> {
  const codes: (string | undefined)[] = [];
  for (const body of bodies) {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { errors } = (await response.json()) as { errors?: { extensions?: { code?: string } }[] };
    codes.push(errors?.[0]?.extensions?.code);
  }
  return codes;
}
