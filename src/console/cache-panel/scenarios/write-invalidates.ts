import { runText } from './shop.ts';
import { runUntilHit } from './run-until-hit.ts';
import type { Scenario, ScenarioContext } from './scenario.ts';

const query = 'query Scenario { searchProducts(limit: 1) { id name price } }';

interface Product {
  readonly id: number;
  readonly name: string;
  readonly price: string;
}

export const writeInvalidates: Scenario = {
  name: 'A write invalidates',
  explanation: 'Changes the price of a product whose value is cached: the next read loads the new price.',
  needs: ['Query.searchProducts', 'Mutation.updateProduct'],
  async play(context) {
    const { beginStep, endStep, run } = context;
    beginStep('Run the query until it is cached');
    const before = await runUntilHit(context, query);
    const product = productIn(before.data);
    endStep(`${runText(before.row)}, ${product.price}`);
    const newPrice = changed(product.price);
    const setPrice = (price: string): Promise<void> => updatePrice(context, product.id, price);
    let after;
    try {
      beginStep(`Change the price of “${product.name}”`);
      await setPrice(newPrice);
      endStep(`${product.price} → ${newPrice}`);
      beginStep('Run the query again');
      after = await run(query);
      endStep(`${runText(after.row)}, ${productIn(after.data).price}`);
      beginStep('Restore the price');
    } finally {
      // Also after an error, and after the user has stopped the scenario.
      await setPrice(product.price);
    }
    endStep(product.price);
    const { row } = after;
    const { price } = productIn(after.data);
    return {
      summary: () => summaryOf(row.state === 'miss', price, newPrice),
      figures: [
        { label: 'Before', row: before.row },
        { label: 'After the write', row },
      ],
    };
  },
};

function summaryOf(isMiss: boolean, price: string, newPrice: string): string {
  if (price !== newPrice)
    return `The read after the write returned ${price} instead of ${newPrice}: another process answered, or another client changed the price.`;
  if (!isMiss) return `The read after the write returned ${price}, which another request had loaded before.`;
  return `The write invalidated the value: the next read was a miss, and returned ${price}.`;
}

/** @throws {Error} if the product is not there, or the change was refused. */
async function updatePrice({ send }: ScenarioContext, id: number, price: string): Promise<void> {
  const selection = '{ type: __typename ... on ShopError { message } }';
  const mutation = `mutation ScenarioPrice { updateProduct(id: ${id}, input: { price: "${price}" }) ${selection} }`;
  const { updateProduct } = (await send(mutation)) as { updateProduct: { type: string; message?: string } };
  if (updateProduct.type !== 'Product') throw new Error(updateProduct.message ?? updateProduct.type);
}

/** @throws {Error} if the shop has no product. */
function productIn(data: unknown): Product {
  const [product] = (data as { searchProducts: readonly Product[] }).searchProducts;
  if (product === undefined) throw new Error('The shop has no product.');
  return product;
}

/** One more, or one less where the largest price leaves no room. Whole cents are exact as a float. */
function changed(price: string): string {
  const cents = Math.round(Number(price) * 100);
  return ((cents >= 9_999_999_899 ? cents - 100 : cents + 100) / 100).toFixed(2);
}
