// Cached fields whose resolvers load in batches, with the loaders of Pothos or with a DataLoader in the context.
import { createRequire } from 'node:module';
import SchemaBuilder from '@pothos/core';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import DataLoader from 'dataloader';
import type { GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { currentLoad } from '../../src/cache/index.ts';
import CachePlugin, { type PluginOptions } from '../../src/pothos-cache/index.ts';
import { newWorld, times, tick, type World } from '../cache/world.ts';
import { runOn, type RequestContext, type RunResult } from './world.ts';

interface Context extends RequestContext {
  loader?: DataLoader<string, string>;
}

interface Note {
  readonly id: string;
  readonly text: string;
}

const publicCache = { ttl: '60s', scope: 'public' } as const;
const watchingViewer = { viewer: ({ viewer }: RequestContext) => viewer, viewerProperties: ['viewer'] } as const;

interface NoteWorld extends World {
  readonly batches: (readonly string[])[];
  readonly ask: (text: string, viewer?: RequestContext['viewer']) => Promise<RunResult>;
  readonly write: () => Promise<void>;
}

/** @param by What a batch reads: the viewer from the context, or the table `notes`. */
async function newNotes(
  by: 'viewer' | 'table',
  options: Omit<PluginOptions<RequestContext>, 'engine'> = {},
): Promise<NoteWorld> {
  const world = await newWorld('memory', { namespace: 'notes', knownTags: ['notes'] });
  const batches: (readonly string[])[] = [];
  let edition = 'old';
  const textsOf = async (ids: readonly string[], context: Context): Promise<string[]> => {
    batches.push(ids);
    await tick();
    if (by === 'table') currentLoad()?.touch(['notes']);
    return ids.map((id) => (by === 'viewer' ? `note ${id} of ${context.viewer}` : `${edition} note ${id}`));
  };
  const notesOf = async (ids: string[], context: Context): Promise<Note[]> => {
    const texts = await textsOf(ids, context);
    return ids.map((id, index) => ({ id, text: texts[index] ?? '' }));
  };
  const schema = schemaOf({ textsOf, notesOf }, { cache: { engine: world.cache, ...options } });
  return {
    ...world,
    batches,
    async ask(text, viewer = null) {
      const context: Context = { viewer };
      context.loader = new DataLoader((ids) => textsOf(ids, context));
      return runOn(schema, text, {}, context);
    },
    async write() {
      edition = 'new';
      await world.cache.invalidate(['notes']);
    },
  };
}

interface Sources {
  readonly textsOf: (ids: readonly string[], context: Context) => Promise<string[]>;
  readonly notesOf: (ids: string[], context: Context) => Promise<Note[]>;
}

function schemaOf({ textsOf, notesOf }: Sources, options: { cache: PluginOptions<RequestContext> }): GraphQLSchema {
  const builder = new SchemaBuilder<{ Context: Context }>({ plugins: [DataloaderPlugin, CachePlugin] });
  const LoadableNote = builder.loadableObject('LoadableNote', {
    load: notesOf,
    fields: (t) => ({ id: t.exposeString('id'), text: t.exposeString('text') }),
  });
  const Note = builder.objectRef<Note>('Note').implement({
    fields: (t) => ({
      id: t.exposeString('id'),
      text: t.exposeString('text'),
      child: t.string({
        cache: { ...publicCache, parentId: ({ id }) => id },
        resolve: async ({ id }, _, context) => (await LoadableNote.getDataloader(context).load(`child ${id}`)).text,
      }),
      plainChild: t.string({
        resolve: async ({ id }, _, context) => (await LoadableNote.getDataloader(context).load(`child ${id}`)).text,
      }),
    }),
  });
  builder.queryType({
    fields: (t) => {
      const id = t.arg.string({ required: true });
      return {
        ofContext: t.string({
          args: { id },
          cache: publicCache,
          resolve: (_, args, { loader }) => loader?.load(args.id) ?? '',
        }),
        plainOfContext: t.string({ args: { id }, resolve: (_, args, { loader }) => loader?.load(args.id) ?? '' }),
        object: t.string({
          args: { id },
          cache: publicCache,
          resolve: async (_, args, context) => (await LoadableNote.getDataloader(context).load(args.id)).text,
        }),
        plainObject: t.field({ type: LoadableNote, args: { id }, resolve: (_, args) => args.id }),
        cachedId: t.field({ type: LoadableNote, args: { id }, cache: publicCache, resolve: (_, args) => args.id }),
        loadable: t.loadable({
          type: Note,
          args: { id },
          cache: publicCache,
          load: notesOf,
          resolve: (_, args) => args.id,
        }),
        loadableItems: t.loadable({
          type: [Note],
          args: { id },
          cache: publicCache,
          load: notesOf,
          resolve: (_, args) => [args.id, `${args.id}b`],
        }),
        loadableList: t.loadableList({
          type: 'String',
          args: { id },
          cache: publicCache,
          load: async (ids: string[], context) => (await textsOf(ids, context)).map((text) => [text, text]),
          resolve: (_, args) => args.id,
        }),
        loadableGroup: t.loadableGroup({
          type: Note,
          args: { id },
          cache: publicCache,
          load: notesOf,
          group: (note) => note.id,
          resolve: (_, args) => args.id,
        }),
        notes: t.field({
          type: [Note],
          resolve: () => times(3, (n) => ({ id: `${n}`, text: `text ${n}` })),
        }),
      };
    },
  });
  return builder.toSchema(options);
}

/** Two keys of one batch, alone and after an uncached field that uses the same loader. */
const documents = [
  '{ a: ofContext(id: "1") b: ofContext(id: "2") }',
  '{ c: plainOfContext(id: "3") a: ofContext(id: "1") b: ofContext(id: "2") }',
  '{ c: plainOfContext(id: "1") a: ofContext(id: "1") b: ofContext(id: "2") }',
  '{ a: object(id: "1") b: object(id: "2") }',
  '{ c: plainObject(id: "3") { text } a: object(id: "1") b: object(id: "2") }',
  '{ c: plainObject(id: "1") { text } a: object(id: "1") b: object(id: "2") }',
  '{ a: cachedId(id: "1") { text } b: cachedId(id: "2") { text } c: object(id: "1") }',
  '{ a: loadable(id: "1") { text } b: loadable(id: "2") { text } }',
  '{ a: loadableItems(id: "1") { text } b: loadableItems(id: "2") { text } }',
  '{ a: loadableList(id: "1") b: loadableList(id: "2") }',
  '{ a: loadableGroup(id: "1") { text } b: loadableGroup(id: "2") { text } }',
  '{ notes { child } }',
  '{ notes { plainChild child } }',
  '{ a: object(id: "child 0") notes { id plainChild child } }',
];

describe('a value whose batch reads the viewer', () => {
  it.each(documents)('is returned to no other viewer: %s', async (text) => {
    const { ask } = await newNotes('viewer', watchingViewer);
    for (const viewer of ['alice', 'bob', null, 'alice']) {
      const { data, errors } = await ask(text, viewer);
      expect(errors).toEqual([]);
      const owners = JSON.stringify(data).matchAll(/note [\w ]+ of (\w+)/g);
      expect(new Set([...owners].map(([, owner]) => owner))).toEqual(new Set([String(viewer)]));
    }
    const all = await Promise.all(['alice', 'bob', null].map((viewer) => ask(text, viewer)));
    for (const [index, viewer] of ['alice', 'bob', 'null'].entries()) {
      expect(JSON.stringify(all[index]?.data)).not.toMatch(new RegExp(`of (?!${viewer}")`));
    }
  });
});

describe('a value whose batch reads a table', () => {
  it.each(documents)('is stored, and loaded again after the table is invalidated: %s', async (text) => {
    const { ask, write, batches, trace } = await newNotes('table');
    const before = await ask(text);
    expect(trace.count('write')).toBeGreaterThanOrEqual(2);
    expect(trace.count('write-refused')).toBe(0);
    const batchesLoaded = batches.length;
    expect(batchesLoaded).toBeLessThanOrEqual(2);
    expect((await ask(text)).data).toEqual(before.data);
    await write();
    const { data } = await ask(text);
    expect(data).toEqual(JSON.parse(JSON.stringify(before.data).replaceAll('old', 'new')));
    expect(JSON.stringify(data)).toContain('new note');
  });
});

it('loads several cached fields in one batch, and loads nothing if all of them are hits', async () => {
  const { ask, batches } = await newNotes('table');
  for (const _ of [1, 2]) {
    expect((await ask('{ a: ofContext(id: "1") b: ofContext(id: "2") c: ofContext(id: "1") }')).errors).toEqual([]);
    expect(batches).toEqual([['1', '2']]);
  }
});

it('patches a copy of DataLoader that was imported after the cache was created, when a schema is built', async () => {
  const world = await newWorld();
  const require = createRequire(import.meta.url);
  const path = require.resolve('dataloader');
  delete require.cache[path];
  const { prototype } = require(path) as typeof DataLoader;
  const before = Object.getOwnPropertyDescriptor(prototype, 'load');
  const loadNothing = async (): Promise<never[]> => [];
  schemaOf({ textsOf: loadNothing, notesOf: loadNothing }, { cache: { engine: world.cache } });
  expect(Object.getOwnPropertyDescriptor(prototype, 'load')).not.toEqual(before);
});
