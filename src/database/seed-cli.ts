import { databaseCommand } from './command.ts';
import { seed, seedDefaults, sizeRefused } from './seed.ts';

await databaseCommand('seed', async (url, { products, reviews }) => {
  const totals = await seed({
    url,
    products: size('products', products),
    reviews: size('reviews', reviews),
    onProgress: ({ table, done, total }) => process.stdout.write(`${table} ${done} of ${total}\n`),
  });
  process.stdout.write(
    `The shop holds ${totals.categories} categories, ${totals.products} products, ${totals.reviews} reviews.\n`,
  );
})
  .description('Fills the shop with sample data. Existing rows are kept; larger sizes add what is missing.')
  .option('--products <number>', `how many products (default: ${seedDefaults.products})`)
  .option('--reviews <number>', `how many reviews (default: ${seedDefaults.reviews})`)
  .parseAsync();

function size(table: 'products' | 'reviews', text: string | undefined): number {
  if (text === undefined) return seedDefaults[table];
  if (/^\d+$/.test(text)) return Number(text);
  throw sizeRefused(table, `'${text}'`);
}
