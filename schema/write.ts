import type { ShopContext } from './builder.ts';

/** The complexity of a mutation that writes: a document makes fewer than 50 of them. */
export const writeComplexity = 200;

/** Resolves as `write` does. What the request has loaded before is loaded again afterwards, also if it is not known whether the write succeeded. */
export async function afterWrite<T>({ loaders }: ShopContext, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } finally {
    loaders.clear();
  }
}
