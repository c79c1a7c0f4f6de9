// The schema digest in the keys: it changes with the types and policies of cached fields, so that older entries are not
// read after such a change.
import { describe, expect, it } from 'vitest';
import { digestOf, newSchema, type Builder } from './world.ts';

interface Changes {
  readonly field?: (builder: Builder) => void;
  readonly label?: 'String' | 'Int';
  readonly more?: boolean;
  readonly ttl?: '60s' | '61s';
  readonly tags?: readonly string[];
  readonly strict?: boolean;
  readonly version?: string;
  readonly scope?: 'public' | 'private';
  readonly vary?: boolean;
  readonly selection?: boolean;
  readonly unrelated?: boolean;
  readonly enumValue?: string;
  readonly list?: boolean;
  readonly required?: boolean;
  readonly argType?: 'Int' | 'ID';
}

async function digest(changes: Changes = {}): Promise<string> {
  const {
    label = 'String',
    more,
    ttl = '60s',
    tags,
    strict = false,
    version,
    scope = 'public',
    vary,
    selection = false,
    unrelated,
    enumValue = 'OLD',
    list,
    required,
    argType = 'Int',
  } = changes;
  const { schema } = await newSchema(
    (builder) => {
      const Kind = builder.enumType('Kind', { values: ['NEW', enumValue] });
      const Stats = builder.objectRef<{ id: number }>('Stats').implement({
        fields: (t) => ({
          label: t.field({ type: label, resolve: () => 1 as never }),
          kind: t.field({ type: Kind, resolve: () => 'NEW' }),
          ...(more === true ? { more: t.int({ resolve: () => 1 }) } : {}),
        }),
      });
      builder.queryField('stats', (t) =>
        t.field({
          type: Stats,
          cache: {
            ttl,
            scope,
            strict,
            selection,
            ...(tags === undefined ? {} : { tags }),
            ...(vary === true ? { vary: ({ tenant }) => tenant } : {}),
          },
          resolve: () => ({ id: 1 }),
        }),
      );
      builder.queryField('label', (t) =>
        t.field({
          type: (list === true ? ['String'] : 'String') as 'String',
          nullable: required !== true,
          args: { id: t.arg({ type: argType }) },
          cache: { ttl: '60s', scope: 'public' },
          resolve: () => 'x',
        }),
      );
      if (unrelated === true) {
        const Other = builder
          .objectRef<{ id: number }>('Other')
          .implement({ fields: (t) => ({ id: t.exposeInt('id') }) });
        builder.queryField('other', (t) => t.field({ type: Other, resolve: () => ({ id: 1 }) }));
      }
    },
    { viewer: ({ viewer }) => viewer, ...(version === undefined ? {} : { version }) },
  );
  return digestOf(schema);
}

describe('the schema digest', () => {
  it('consists of six hexadecimal digits, and is the same for equal schemas', async () => {
    expect(await digest()).toMatch(/^[0-9a-f]{6}$/);
    expect(await digest()).toBe(await digest());
  });

  it('does not change with a type that no cached field reaches', async () => {
    expect(await digest({ unrelated: true })).toBe(await digest());
  });

  it.each<[string, Changes]>([
    ['the type of a reached field', { label: 'Int' }],
    ['the fields of a reached type', { more: true }],
    ['the values of a reached enum', { enumValue: 'OLDER' }],
    ['the ttl of a field', { ttl: '61s' }],
    ['the option strict', { strict: true }],
    ['the option tags', { tags: ['products'] }],
    ['the option version', { version: '2' }],
    ['the scope', { scope: 'private' }],
    ['the option vary', { vary: true }],
    ['the option selection', { selection: true }],
    ['whether a cached field is a list', { list: true }],
    ['whether a cached field is nullable', { required: true }],
    ['the type of an argument of a cached field', { argType: 'ID' }],
  ])('changes with %s', async (_, changes) => {
    expect(await digest(changes)).not.toBe(await digest());
  });
});
