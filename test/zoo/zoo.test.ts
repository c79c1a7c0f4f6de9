// A schema with everything that GraphQL has: its answers with a cache equal those without one, on a miss and on each kind of hit.
import { describe, expect, it } from 'vitest';
import { decimalCodec } from './decimal-codec.ts';
import { ask, engineNames, expectSameAnswers, newEngine } from './engines.ts';
import { Garden, newZoo, type Context } from './zoo.ts';

const ann: Context = { user: { id: 'ann' } };
const bob: Context = { user: { id: 'bob' } };
const fernId = Buffer.from('Plant:2').toString('base64');

const plantFields = 'name price seeds since light initials';
const documents = {
  connection: `{ plants(first: 2) { edges { cursor node { id ${plantFields} } } pageInfo { hasNextPage endCursor } } }`,
  page: '{ plants(first: 1, after: "T2Zmc2V0Q29ubmVjdGlvbjow") { edges { node { name } } } }',
  interface: '{ named { __typename name initials ... on Plant { price } ... on Pot { litres } } }',
  union:
    '{ related(id: 1) { __typename ... on Pot { litres } } other: related(id: 2) { ... on Plant { name price } } }',
  nothing: '{ plant(id: 9) { name } related(id: 9) { __typename } }',
  empty: '{ related(id: 3) { __typename } }',
  nested: '{ plant(id: 2) { related { __typename ... on Plant { worth(times: 2) related { __typename } } } } }',
  arguments: `{ plant(id: 1) { worth one: worth(times: 1) three: worth(times: 3) zero: worth(times: 0) } }`,
  enums: '{ sun: inLight(light: SUN) dark: inLight(light: DARK, before: "2026-01-02T00:00:00Z") }',
  bigint: '{ seedsAbove(least: 9007199254740993) again: seedsAbove(least: 9007199254740992) }',
  decimal: '{ cheaperThan(price: "9007199254740994.10") same: cheaperThan(price: "9007199254740994.100") }',
  fragments: `query { plant(id: 1) { ...A ... on Named { initials } } } fragment A on Plant { a: price b: price since }`,
};
/** The states of each document's cached fields on its third run. */
const hits = {
  ...{ connection: 'hit hit hit', page: 'hit', interface: 'hit hit hit hit', union: 'hit hit', nothing: 'hit hit' },
  ...{ empty: 'hit', nested: 'hit hit', arguments: 'hit hit hit hit hit', enums: 'hit hit', bigint: 'hit hit' },
  ...{ decimal: 'hit hit', fragments: 'hit hit' },
};

describe.each(engineNames)('on %s', (name) => {
  it('each answer with a cache equals the one without, and later ones are hits', async () => {
    const garden = new Garden();
    const engine = await newEngine(name, { codecs: [decimalCodec] });
    const schemas = { cached: newZoo(garden, engine), uncached: newZoo(garden, undefined) };
    const states = await expectSameAnswers(schemas, Object.values(documents), ann);
    expect(Object.fromEntries(Object.keys(documents).map((key, index) => [key, states[index]]))).toEqual(hits);
  });

  it('the answers of many viewers at once are each their own', async () => {
    const garden = new Garden();
    const engine = await newEngine(name, { codecs: [decimalCodec] });
    const schemas = { cached: newZoo(garden, engine), uncached: newZoo(garden, undefined) };
    const text = '{ drafts mine: drafts shared plant(id: 1) { name } }';
    const viewers = [ann, bob, {}, ann, bob, {}];
    for (const _ of [1, 2, 3]) {
      const expected = await Promise.all(
        viewers.map(async (viewer) => (await ask(schemas.uncached, text, viewer)).json),
      );
      const answers = await Promise.all(viewers.map((viewer) => ask(schemas.cached, text, viewer)));
      expect(answers.map(({ json }) => json)).toEqual(expected);
    }
    const { states, notStored } = await ask(schemas.cached, text, ann);
    expect(states).toBe('hit hit miss hit');
    expect(notStored).toEqual(['reads context.user']);
  });

  it('a mutation is visible in the next answer, and in its own', async () => {
    const garden = new Garden();
    const schema = newZoo(garden, await newEngine(name, { codecs: [decimalCodec] }));
    const text = `{ plant(id: 2) { name worth } node(id: "${fernId}") { id ... on Plant { name } } }`;
    for (const _ of [1, 2, 3]) expect((await ask(schema, text)).data).toMatchObject({ plant: { name: 'Fern' } });
    for (const name2 of ['Palm', 'Ivy']) {
      const mutation = await ask(schema, `mutation { rename(id: 2, name: "${name2}") { name initials } }`);
      expect(mutation.data).toEqual({ rename: { name: name2, initials: name2.slice(0, 1) } });
      expect((await ask(schema, text)).data).toMatchObject({ plant: { name: name2 }, node: { name: name2 } });
    }
    await ask(schema, '{ drafts }', ann);
    await ask(schema, 'mutation { addDraft(title: "second") }', ann);
    expect((await ask(schema, '{ drafts }', ann)).data).toEqual({ drafts: ['Ann’s first', 'second'] });
    expect((await ask(schema, '{ drafts }', bob)).data).toEqual({ drafts: [] });
  });

  it('errors beside data are answered again, and never stored, not even as null', async () => {
    const garden = new Garden();
    const schema = newZoo(garden, await newEngine(name, { codecs: [decimalCodec] }));
    const text = '{ related(id: 1) { __typename } plant(id: 1) { name worth } }';
    garden.failing.add('related').add('plant');
    for (const _ of [1, 2]) {
      const answer = await ask(schema, text);
      expect(answer.data).toEqual({ related: null, plant: null });
      expect(answer.errors.toSorted()).toEqual(['plant failed', 'related failed']);
    }
    garden.failing.delete('plant');
    expect((await ask(schema, text)).data).toMatchObject({ related: null, plant: { name: 'Rose' } });
    expect((await ask(schema, text)).states).toBe('hit hit');
    garden.failing.clear();
    const healed = await ask(schema, text);
    expect(healed.errors).toEqual([]);
    expect(healed.data).toMatchObject({ related: [{ __typename: 'Pot' }, null, { __typename: 'Pot' }] });
  });
});

it('aliases and __typename share a value, and neither shares it beyond its scope', async () => {
  const garden = new Garden();
  const schema = newZoo(garden, await newEngine('memory store', { codecs: [decimalCodec] }));
  const text = '{ __typename a: drafts b: drafts x: plant(id: 1) { t: __typename n: name } y: plant(id: 1) { name } }';
  const first = await ask(schema, text, ann);
  expect(first.states.split(' ').toSorted()).toEqual(['miss', 'miss', 'shared', 'shared']);
  expect((await ask(schema, '{ b: drafts x: drafts }', bob)).data).toEqual({ b: [], x: [] });
  expect((await ask(schema, '{ plant: drafts }', {})).data).toEqual({ plant: [] });
  expect((await ask(schema, '{ z: plant(id: 1) { name t: __typename } }', bob)).data).toEqual({
    z: { name: 'Rose', t: 'Plant' },
  });
});

it('two deployments whose data has another shape do not read each other’s values', async () => {
  const garden = new Garden();
  const engine = await newEngine('memory store', { codecs: [decimalCodec] });
  const before = newZoo(garden, engine);
  await ask(before, documents.connection);
  const next = newZoo(garden, engine, { version: '2' });
  expect((await ask(next, documents.connection)).states).toBe('miss miss miss');
  expect((await ask(next, documents.connection)).states).toBe('hit hit hit');
  expect((await ask(before, documents.connection)).states).toBe('hit hit hit');
});

it('without the codec, what contains a Decimal is answered all the same, and the reason names the codec', async () => {
  const garden = new Garden();
  const schemas = {
    cached: newZoo(garden, await newEngine('memory store')),
    uncached: newZoo(garden, undefined),
  };
  await expectSameAnswers(schemas, Object.values(documents), ann);
  const { notStored } = await ask(schemas.cached, '{ plant(id: 1) { name worth } }');
  const reason = 'instance of Decimal at price, which needs a codec (codecs of createCache)';
  expect(notStored).toEqual([reason, 'depends on a cached value that was not stored']);
});
