/** Requests must not exhaust the memory. The program has a heap of 160 MB, as in a small container. */
import { expect, inject, it } from 'vitest';
import { createClient } from './client.ts';
import { startProgram } from './start-program.ts';

it('survives a thousand different documents, each with a hundred errors, in a heap of 160 MB', async () => {
  const program = await startProgram({
    env: { DATABASE_URL: inject('databaseUrl') },
    command: [process.execPath, '--max-old-space-size=160', 'dist/src/main.js'],
  });
  await program.isUp();
  const { ask } = createClient(program.url);
  for (let hundred = 0; hundred < 10; hundred += 1) {
    const documents = Array.from({ length: 100 }, (_, index) => documentOf(100 * hundred + index));
    for (const { errors } of await Promise.all(documents.map((document) => ask(document)))) {
      expect(errors.length).toBeGreaterThanOrEqual(100);
    }
  }
  expect((await ask('{ __typename }')).data).toEqual({ __typename: 'Query' });
});

function documentOf(id: number): string {
  return `{ ${Array.from({ length: 120 }, (_, field) => `a${id}_${field}: cacheStats { x${field} }`).join(' ')} }`;
}
