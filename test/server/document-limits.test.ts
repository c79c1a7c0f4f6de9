// The complexity of an operation is measured before it is executed: once if it has no variables, otherwise for each request.
import { expect, it } from 'vitest';
import { startServer, type RunningServer } from './start-server.ts';

const wide = 'category { products(limit: 100) { reviews { id } } }';
const cheap = '{ id }';

it('measures an operation with variables for each request', async () => {
  const server = await startServer();
  const query = `query ($limit: Int!) { searchProducts(limit: $limit) { ${wide} } }`;
  const bodies = [1, 100, 1, 100].map((limit) => ({ query, variables: { limit } }));
  expect(await codesOf(server, bodies)).toEqual([undefined, 'QUERY_TOO_COMPLEX', undefined, 'QUERY_TOO_COMPLEX']);
});

it('measures each operation of a document separately', async () => {
  const server = await startServer();
  const query = `query A { searchProducts(limit: 1) ${cheap} } query B { searchProducts(limit: 100) { ${wide} } }`;
  const bodies = ['A', 'B', 'A', 'B'].map((operationName) => ({ query, operationName }));
  expect(await codesOf(server, bodies)).toEqual([undefined, 'QUERY_TOO_COMPLEX', undefined, 'QUERY_TOO_COMPLEX']);
});

it('measures an operation with the fragments of its own document', async () => {
  const server = await startServer();
  const operation = 'query A { searchProducts(limit: 100) { ...f } }';
  const bodies = [cheap, `{ ${wide} }`].map((fields) => ({ query: `${operation} fragment f on Product ${fields}` }));
  expect(await codesOf(server, [...bodies, ...bodies])).toEqual([
    undefined,
    'QUERY_TOO_COMPLEX',
    undefined,
    'QUERY_TOO_COMPLEX',
  ]);
});

/** Posts `bodies` one after another, and returns the error code of each response. */
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
