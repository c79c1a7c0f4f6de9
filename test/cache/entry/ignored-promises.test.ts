// Promises in what a codec returns: they are refused, so nothing awaits them, and one that rejects must not end the process.
import { expect, it, onTestFinished } from 'vitest';
import type { Codec } from '../../../src/cache/index.ts';
import { newWorld, tick } from '../world.ts';

class Range {
  readonly from = 1;
}
const range: Codec<Range> = {
  name: 'Range',
  test: (value) => value instanceof Range,
  encode: ({ from }) => from,
  decode: () => new Range(),
};
const rejecting = async (): Promise<never> => {
  throw new Error('down');
};

/** The rejections that Node would end the process for. */
function unhandled(): readonly unknown[] {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', onRejection);
  onTestFinished(() => void process.off('unhandledRejection', onRejection));
  return rejections;
}

const refused = (): never => {
  throw new TypeError('no instance');
};
const faults: readonly (readonly [string, Partial<Codec<Range>>])[] = [
  ['the data that `encode` returns', { encode: () => ({ from: rejecting(), to: [rejecting()] }) }],
  ['a Map and a Set of that data', { encode: () => [new Map([[1, rejecting()]]), new Set([rejecting()])] }],
  [
    'what `decode` returns, if `test` throws',
    {
      decode: rejecting as unknown as Codec<Range>['decode'],
      test: (value) => (value instanceof Promise ? refused() : value instanceof Range),
    },
  ],
];

it.each(faults)('a promise that rejects is handled: in %s', async (_, part) => {
  const rejections = unhandled();
  const { fetch, source } = await newWorld('memory', { codecs: [{ ...range, ...part }] });
  source.gives([new Range()]);
  expect([await fetch(), await fetch()]).toEqual([[new Range()], [new Range()]]);
  await tick();
  await tick();
  expect(rejections).toEqual([]);
});

it.each(faults.slice(0, 2))('a promise that rejects is handled in an argument, too: in %s', async (_, part) => {
  const rejections = unhandled();
  const { cache } = await newWorld('memory', { codecs: [{ ...range, ...part }] });
  expect(() => cache.key({ field: 'Query.field', args: { range: new Range() } })).toThrow('to make a key, got ');
  await tick();
  await tick();
  expect(rejections).toEqual([]);
});
