import type { Client } from './client.ts';

const error = '... on ShopError { message } ... on InvalidInput { problems { field expected received } }';
const product = '... on Product { id name description price stock category { id name } reviews { rating comment } }';

/** The mutations, with all fields of their results except what a test does not need. */
export const mutations = {
  createProduct: `mutation ($input: CreateProductInput!) {
    createProduct(input: $input) { __typename ${product} ${error} ... on CategoryNotFound { missing: id } } }`,
  updateProduct: `mutation ($id: Int!, $input: UpdateProductInput!) {
    updateProduct(id: $id, input: $input) { __typename ${product} ${error}
      ... on ProductNotFound { missing: id } ... on CategoryNotFound { missing: id } } }`,
  deleteProduct: `mutation ($id: Int!) { deleteProduct(id: $id) { __typename
    ... on DeletedProduct { id reviewsDeleted } ... on ShopError { message } ... on ProductNotFound { missing: id } } }`,
  addReview: `mutation ($productId: Int!, $rating: Int!, $comment: String) {
    addReview(productId: $productId, rating: $rating, comment: $comment) { __typename
      ... on Review { id rating comment createdAt } ${error} ... on ProductNotFound { missing: id } } }`,
} as const;

/** Runs a mutation and returns its result. @throws {Error} if the response has errors. */
export async function mutate(
  { ask }: Pick<Client, 'ask'>,
  name: keyof typeof mutations,
  variables: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { data, errors, text } = await ask<Record<string, Record<string, unknown>>>(mutations[name], variables);
  const result = data?.[name];
  if (errors.length > 0 || result === undefined) throw new Error(`${name}: ${text}`);
  return result;
}
