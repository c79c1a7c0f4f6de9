// Queries that start when their `then` is called, outside of the resolver's code, belong to its load nevertheless.
import { expect, it } from 'vitest';
import { lazy } from '../support/lazy.ts';
import { tableWorld } from './world.ts';

const setUp = `create table products (id int primary key, name text); create table reviews (id int primary key);
  insert into products values (1, 'old')`;

it('lazy queries add the tables that they read as tags of the value', async () => {
  const { db, tagsOf } = await tableWorld(setUp);
  const products = (): unknown => lazy(() => db.selectFrom('products').selectAll().execute());
  const reviews = (): unknown => lazy(() => db.selectFrom('reviews').selectAll().execute());
  expect(await tagsOf(products)).toBe('products');
  expect(await tagsOf(() => [products(), [reviews()]])).toBe('products reviews');
});

it('a value of lazy queries is not stored if they read in a transaction that began before the load', async () => {
  const { db, tagsOf } = await tableWorld(setUp);
  await db.transaction().execute(async (trx) => {
    await trx.updateTable('products').set({ id: 2 }).execute();
    const read = (): unknown => lazy(() => trx.selectFrom('products').selectAll().execute());
    expect(await tagsOf(read, ['products'])).toMatch(/^uncommitted-read: a transaction/);
    expect(await tagsOf(() => [read()], ['products'])).toMatch(/^uncommitted-read: a transaction/);
  });
});

it('a value of lazy queries is stored if their transaction belongs to the load', async () => {
  const { db, tagsOf } = await tableWorld(setUp);
  const load = (): unknown =>
    db.transaction().execute(async (trx) => await lazy(() => trx.selectFrom('products').selectAll().execute()));
  expect(await tagsOf(() => lazy(load))).toBe('products');
});
