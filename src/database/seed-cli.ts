import { parseArgs } from 'node:util';
import { runCommand } from './command.ts';
import { seed, seedDefaults, sizeRefused } from './seed.ts';

await runCommand(async (url) => {
  const { values } = parseArgs({ options: { products: { type: 'string' }, reviews: { type: 'string' } } });
  const totals = await seed({
    url,
    products: size('products', values.products),
    reviews: size('reviews', values.reviews),
    onProgress: ({ table, done, total }) => process.stdout.write(`${table} ${done} of ${total}\n`),
  });
  process.stdout.write(
    `The shop holds ${totals.categories} categories, ${totals.products} products, ${totals.reviews} reviews.\n`,
  );
});

function size(table: 'products' | 'reviews', text: string | undefined): number {
  if (text === undefined) return seedDefaults[table];
  if (/^\d+$/.test(text)) return Number(text);
  throw sizeRefused(table, `'${text}'`);
}
