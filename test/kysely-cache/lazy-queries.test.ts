// Queries that start when their `then` is called, outside of the resolver's code: they belong to its load all the same.
import { expect, it } from 'vitest';
import { lazy } from '../support/lazy.ts';
import { tableWorld } from './world.ts';

const setUp = `create table products (id int primary key, name text); create table reviews (id int primary key);
  insert into products values (1, 'old')`;

it('make the tables that they read tags of the value', async () => {
  const { db, standsOn } = await tableWorld(setUp);
  const products = (): unknown => lazy(() => db.selectFrom('products').selectAll().execute());
  const reviews = (): unknown => lazy(() => db.selectFrom('reviews').selectAll().execute());
  expect(await standsOn(products)).toBe('products');
  expect(await standsOn(() => [products(), [reviews()]])).toBe('products reviews');
});

it('are not stored where they read in a transaction that began before the load', async () => {
  const { db, standsOn } = await tableWorld(setUp);
  await db.transaction().execute(async (trx) => {
    await trx.updateTable('products').set({ id: 2 }).execute();
    const read = (): unknown => lazy(() => trx.selectFrom('products').selectAll().execute());
    expect(await standsOn(read, ['products'])).toMatch(/^uncommitted-read: a transaction/);
    expect(await standsOn(() => [read()], ['products'])).toMatch(/^uncommitted-read: a transaction/);
  });
});

it('are stored where the transaction is the load’s own', async () => {
  const { db, standsOn } = await tableWorld(setUp);
  const load = (): unknown =>
    db.transaction().execute(async (trx) => await lazy(() => trx.selectFrom('products').selectAll().execute()));
  expect(await standsOn(() => lazy(load))).toBe('products');
});
