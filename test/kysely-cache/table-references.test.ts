import { sql, type Compilable } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableWorld, type TableWorld } from './world.ts';

type Db = TableWorld['db'];
type Case = readonly [title: string, query: (db: Db) => Compilable & { execute(): Promise<unknown> }, tables: string];

const setUp = `
  create table products (id int primary key, category_id int, price numeric, name text, stock int, at timestamptz);
  create table reviews (id int primary key, product_id int, rating int, body jsonb);
  create table categories (id int primary key, name text);
  create table orders (id int primary key, product_id int);
  create table "Odd ""Table" (id int);
  create schema other;
  create table other.products (id int, category_id int);
  create table other.hidden (id int);
`;

let world: TableWorld;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  world = await tableWorld(setUp, { end: (close) => closing.push(close) });
});
afterAll(() => Promise.all(closing.map((close) => close())));

const cases: Case[] = [
  ['a table', (db) => db.selectFrom('products').selectAll(), 'products'],
  ['a table under an alias', (db) => db.selectFrom('products as p').select('p.id'), 'products'],
  ['an alias with the name of another table', (db) => db.selectFrom('products as reviews').select('reviews.id'), 'products'],
  ['a name that must be quoted', (db) => db.selectFrom('Odd "Table').selectAll(), 'Odd "Table'],
  ['two tables in FROM', (db) => db.selectFrom(['products', 'reviews']).select('products.id'), 'products reviews'],
  ['an inner join', (db) => db.selectFrom('products').innerJoin('categories as c', 'c.id', 'products.category_id').selectAll(), 'categories products'],
  ['a left join', (db) => db.selectFrom('products').leftJoin('reviews', 'reviews.product_id', 'products.id').selectAll('products'), 'products reviews'],
  ['a right and a full join', (db) => db.selectFrom('products').rightJoin('reviews', 'reviews.product_id', 'products.id').fullJoin('orders', 'orders.id', 'reviews.id').select('orders.id'), 'orders products reviews'],
  ['a cross join', (db) => db.selectFrom('products').crossJoin('categories').select('products.id'), 'categories products'],
  ['a join of a sub-select', (db) => db.selectFrom('products').innerJoin((eb) => eb.selectFrom('reviews').select('product_id').as('r'), 'r.product_id', 'products.id').selectAll(), 'products reviews'],
  ['a lateral join', (db) => db.selectFrom('products').crossJoinLateral((eb) => eb.selectFrom('reviews').select('rating').whereRef('product_id', '=', 'products.id').as('r')).selectAll(), 'products reviews'],
  ['a sub-select in the condition of a join', (db) => db.selectFrom('products').innerJoin('categories as c', (join) => join.on((eb) => eb.exists(eb.selectFrom('orders').select('id')))).select('c.id'), 'categories orders products'],
  ['a sub-select in FROM', (db) => db.selectFrom((eb) => eb.selectFrom('reviews').select('rating').as('r')).selectAll(), 'reviews'],
  ['a sub-select in a sub-select', (db) => db.selectFrom((eb) => eb.selectFrom((inner) => inner.selectFrom('orders').selectAll().as('a')).selectAll().as('b')).selectAll(), 'orders'],
  ['a sub-select in SELECT', (db) => db.selectFrom('products').select((eb) => eb.selectFrom('reviews').select('rating').limit(1).as('r')), 'products reviews'],
  ['a sub-select in WHERE', (db) => db.selectFrom('products').select('id').where('id', 'in', (eb) => eb.selectFrom('orders').select('product_id')), 'orders products'],
  ['EXISTS and NOT EXISTS', (db) => db.selectFrom('products').select('id').where((eb) => eb.and([eb.exists(eb.selectFrom('orders').select('id')), eb.not(eb.exists(eb.selectFrom('reviews').select('id')))])), 'orders products reviews'],
  ['a sub-select in OR, in parentheses', (db) => db.selectFrom('products').select('id').where((eb) => eb.or([eb('id', '=', 1), eb.parens(eb('id', 'in', eb.selectFrom('orders').select('id')))])), 'orders products'],
  ['a sub-select in GROUP BY and HAVING', (db) => db.selectFrom('products').select((eb) => eb.fn.countAll().as('n')).groupBy((eb) => eb.selectFrom('orders').select('id').limit(1)).having((eb) => eb.selectFrom('reviews').select('rating').limit(1), '>', 1), 'orders products reviews'],
  ['a sub-select in ORDER BY', (db) => db.selectFrom('products').select('id').orderBy((eb) => eb.selectFrom('categories').select('name').limit(1)), 'categories products'],
  ['a sub-select in LIMIT and OFFSET', (db) => db.selectFrom('products').select('id').limit((eb) => eb.selectFrom('orders').select('id').limit(1)).offset((eb) => eb.selectFrom('reviews').select('id').limit(1)), 'orders products reviews'],
  ['a sub-select in DISTINCT ON', (db) => db.selectFrom('products').distinctOn((eb) => eb.selectFrom('orders').select('id').limit(1)).select('id'), 'orders products'],
  ['a sub-select in CASE', (db) => db.selectFrom('products').select((eb) => eb.case().when('id', '=', 1).then(eb.selectFrom('orders').select('id').limit(1)).else(2).end().as('x')), 'orders products'],
  ['a sub-select in a function', (db) => db.selectFrom('products').select((eb) => eb.fn.coalesce(eb.selectFrom('orders').select('id').limit(1), 'id').as('x')), 'orders products'],
  ['a sub-select in a cast', (db) => db.selectFrom('products').select((eb) => eb.cast(eb.selectFrom('orders').select('id').limit(1), 'text').as('x')), 'orders products'],
  ['a sub-select in the filter and the order of an aggregate', (db) => db.selectFrom('products').select((eb) => eb.fn.agg<string>('array_agg', ['id']).orderBy((o) => o.selectFrom('orders').select('id').limit(1)).filterWhere((f) => f.exists(f.selectFrom('reviews').select('id'))).as('x')), 'orders products reviews'],
  ['a sub-select in a window', (db) => db.selectFrom('products').select((eb) => eb.fn.agg('rank').over((over) => over.partitionBy('id').orderBy((eb2) => eb2.selectFrom('orders').select('id').limit(1))).as('x')), 'orders products'],
  ['a sub-select as a tuple', (db) => db.selectFrom('products').select('id').where((eb) => eb(eb.refTuple('id', 'category_id'), 'in', eb.selectFrom('orders').select(['id', 'product_id']).$asTuple('id', 'product_id'))), 'orders products'],
  ['UNION', (db) => db.selectFrom('products').select('id').union(db.selectFrom('orders').select('id')), 'orders products'],
  ['UNION ALL, INTERSECT and EXCEPT', (db) => db.selectFrom('products').select('id').unionAll(db.selectFrom('orders').select('id')).intersect(db.selectFrom('reviews').select('id')).except((eb) => eb.selectFrom('categories').select('id')), 'categories orders products reviews'],
  ['a union in a sub-select', (db) => db.selectFrom((eb) => eb.selectFrom('products').select('id').union(eb.selectFrom('orders').select('id')).as('u')).selectAll(), 'orders products'],
  ['json_agg of a sub-select', (db) => db.selectFrom('products as p').select((eb) => eb.fn.jsonAgg('p').as('rows')), 'products'],
  ['SELECT without FROM', (db) => db.selectNoFrom((eb) => eb.val(1).as('one')), ''],
  ['SELECT without FROM, of a sub-select', (db) => db.selectNoFrom((eb) => eb.selectFrom('orders').select('id').limit(1).as('one')), 'orders'],
  ['VALUES as a table', (db) => db.selectFrom(values().as<'v'>(sql`v(id)`)).selectAll(), ''],
  ['FOR UPDATE OF', (db) => db.selectFrom('products as p').innerJoin('orders', 'orders.id', 'p.id').select('p.id').forUpdate('p'), 'orders products'],

  ['a common table expression (CTE)', (db) => db.with('p', (cte) => cte.selectFrom('products').selectAll()).selectFrom('p').selectAll(), 'products'],
  ['a CTE with the name of the table that it reads', (db) => db.with('products', (cte) => cte.selectFrom('products').selectAll()).selectFrom('products').selectAll(), 'products'],
  ['a CTE with the name of another table', (db) => db.with('products', (cte) => cte.selectFrom('orders').selectAll()).selectFrom('products').selectAll(), 'orders'],
  ['a CTE that is not used', (db) => db.with('p', (cte) => cte.selectFrom('orders').selectAll()).selectFrom('products').selectAll(), 'orders products'],
  ['a CTE that reads the previous one', (db) => db.with('a', (cte) => cte.selectFrom('orders').select('id')).with('b', (cte) => cte.selectFrom('a').select('id')).selectFrom('b').selectAll(), 'orders'],
  ['a CTE that reads the table whose name the next one has', (db) => db.with('a', (cte) => cte.selectFrom('orders').select('id')).with('orders', (cte) => cte.selectFrom('a').select('id')).selectFrom('orders').selectAll(), 'orders'],
  ['a table that only a later CTE shadows', (db) => db.with('a', (cte) => cte.selectFrom('reviews').select('id')).with('reviews', (cte) => cte.selectFrom('orders').select('id')).selectFrom(['a', 'reviews']).select('a.id'), 'orders reviews'],
  ['a name with a schema, which is never a CTE', (db) => db.with('products', (cte) => cte.selectFrom('orders').select('id')).selectFrom('other.products').selectAll(), 'orders other.products'],
  ['a recursive CTE', (db) => db.withRecursive('t(id)', (cte) => cte.selectFrom('categories').select('id').unionAll((eb) => eb.selectFrom('t').select('t.id').where('t.id', '<', 0))).selectFrom('t').selectAll(), 'categories'],
  ['a recursive CTE with the name of a table', (db) => db.withRecursive('orders(id)', (cte) => cte.selectFrom('categories').select('id').unionAll((eb) => eb.selectFrom('orders').select('orders.id').where('orders.id', '<', 0))).selectFrom('orders').selectAll(), 'categories'],
  ['a CTE that reads a later one in WITH RECURSIVE', (db) => db.withRecursive('a(id)', (cte) => cte.selectFrom('orders').select('id')).with('orders', (cte) => cte.selectFrom('reviews').select('id')).selectFrom('a').selectAll(), 'reviews'],
  ['a CTE in a sub-select, which is visible only there', (db) => db.selectFrom(() => withOrders(db).as('x')).innerJoin('orders', 'orders.id', 'x.id').select('x.id'), 'orders reviews'],
  ['an outer CTE, which is visible in a sub-select', (db) => db.with('orders', (cte) => cte.selectFrom('reviews').select('id')).selectFrom('products').select((eb) => eb.selectFrom('orders').select('id').limit(1).as('x')), 'products reviews'],
  ['a CTE in the second part of a union', (db) => db.with('a', (cte) => cte.selectFrom('reviews').select('id')).selectFrom('products').select('id').union(db.selectFrom('a').select('id')), 'products reviews'],
  ['a data-modifying CTE', (db) => db.with('gone', (cte) => cte.deleteFrom('orders').where('id', '=', 0).returning('id')).selectFrom('gone').selectAll(), 'orders'],
  ['a data-modifying CTE with the name of its table', (db) => db.with('orders', (cte) => cte.updateTable('orders').set({ product_id: 1 }).returning('id')).selectFrom('orders').selectAll(), 'orders'],
  ['a materialized CTE', (db) => db.with((cte) => cte('a').materialized(), (cte) => cte.selectFrom('orders').selectAll()).selectFrom('a').selectAll(), 'orders'],

  ['a schema', (db) => db.selectFrom('other.products').selectAll(), 'other.products'],
  ['the schema of the search path', (db) => db.selectFrom('public.products').selectAll(), 'products'],
  ['withSchema', (db) => db.withSchema('other').selectFrom('hidden').selectAll(), 'other.hidden'],
  ['withSchema and a CTE', (db) => db.withSchema('other').with('products', (cte) => cte.selectFrom('hidden').selectAll()).selectFrom('products').selectAll(), 'other.hidden'],

  ['INSERT', (db) => db.insertInto('orders').values({ id: 901 }), 'orders'],
  ['INSERT of a SELECT', (db) => db.insertInto('orders').columns(['id']).expression((eb) => eb.selectFrom('products').select('id')).returning('id'), 'orders products'],
  ['INSERT of a sub-select, ON CONFLICT', (db) => db.insertInto('orders').values((eb) => ({ id: 7, product_id: eb.selectFrom('reviews').select('id').limit(1) })).onConflict((oc) => oc.column('id').doUpdateSet((eb) => ({ product_id: eb.selectFrom('categories').select('id').limit(1) }))), 'categories orders reviews'],
  ['UPDATE … FROM', (db) => db.updateTable('orders as o').from('products as p').set((eb) => ({ product_id: eb.ref('p.id') })).whereRef('p.id', '=', 'o.id').returning('o.id'), 'orders products'],
  ['UPDATE with a sub-select and a join', (db) => db.updateTable('orders').from('products').innerJoin('categories', 'categories.id', 'products.id').set((eb) => ({ product_id: eb.selectFrom('reviews').select('id').limit(1) })), 'categories orders products reviews'],
  ['UPDATE of a table with the name of a CTE', (db) => db.with('orders', (cte) => cte.selectFrom('reviews').select('id')).updateTable('orders').set({ id: 1 }), 'orders reviews'],
  ['DELETE … USING', (db) => db.deleteFrom('orders').using('products as p').whereRef('p.id', '=', 'orders.id').returning('orders.id'), 'orders products'],
  ['DELETE with a sub-select', (db) => db.deleteFrom('orders').where('id', 'in', (eb) => eb.selectFrom('reviews').select('id')), 'orders reviews'],
  ['MERGE', (db) => db.mergeInto('orders as o').using('products as p', 'p.id', 'o.id').whenMatched().thenDelete().whenNotMatched().thenInsertValues((eb) => ({ id: eb.ref('p.id') })), 'orders products'],
  ['MERGE of a sub-select', (db) => db.mergeInto('orders as o').using((eb) => eb.selectFrom('reviews').selectAll().as('r'), (join) => join.onRef('r.id', '=', 'o.id')).whenMatched().thenUpdateSet({ id: 1 }), 'orders reviews'],
]; // prettier-ignore

describe('a value depends on the tables that PostgreSQL opens for its statement', () => {
  it.each(cases)('%s', async (_title, query, tables) => {
    const { db, tagsOf, locked, run } = world;
    await run('truncate products, reviews, categories, orders');
    const expected = await locked(query(db));
    const seen = await tagsOf(async () => void (await query(db).execute()));
    expect(seen).toBe(expected);
    expect(seen).toBe(tables);
  });
});

/** Two rows that are in no table. */
function values() {
  return sql<{ id: number }>`(values (1), (2))`;
}

function withOrders(db: Db) {
  return db
    .with('orders', (cte) => cte.selectFrom('reviews').select('id'))
    .selectFrom('orders')
    .select('orders.id');
}
