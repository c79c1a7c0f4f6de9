/** The directive `@cache(mode:)` on a field of a query, or on the query itself. */
import {
  DirectiveLocation,
  getDirectiveValues,
  getNamedType,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLNonNull,
  GraphQLSchema,
  OperationTypeNode,
  specifiedDirectives,
  type FieldNode,
  type GraphQLResolveInfo,
  type OperationDefinitionNode,
} from 'graphql';
import { CacheError, type Mode } from '../cache/index.ts';

const CacheMode = new GraphQLEnumType({
  name: 'CacheMode',
  description: 'How a cached field of a request uses the cache.',
  values: {
    USE: { description: 'Answer from the cache where it has the value, else load and store it.' },
    BYPASS: { description: 'Load the value; neither read nor write the cache.' },
    REFRESH: { description: 'Load the value and store it.' },
  },
});

const modes: ReadonlyMap<unknown, Mode> = new Map([
  ['USE', 'use'],
  ['BYPASS', 'bypass'],
  ['REFRESH', 'refresh'],
]);

const CacheDirective = new GraphQLDirective({
  name: 'cache',
  description:
    'How this cached field uses the cache; on a query: all of its cached fields that have no @cache themselves.',
  locations: [DirectiveLocation.FIELD, DirectiveLocation.QUERY],
  args: { mode: { type: new GraphQLNonNull(CacheMode), defaultValue: 'USE' } },
});

/**
 * Returns the schema with the directive `@cache(mode:)`, which requests may use on cached fields and on the query; see
 * `SchemaCacheOptions.directive`. A schema that has it, such as one whose SDL declares it, is returned unchanged.
 *
 * @throws {CacheError} `INVALID_OPTIONS` if the schema has another directive `@cache`, or another type `CacheMode`.
 */
export function withCacheDirective(schema: GraphQLSchema): GraphQLSchema {
  if (hasCacheDirective(schema)) return schema;
  for (const taken of [schema.getDirective(CacheDirective.name), schema.getType(CacheMode.name)]) {
    if (!taken) continue;
    throw new CacheError('INVALID_OPTIONS', `withCacheDirective: the schema has another ${String(taken)}`);
  }
  const config = schema.toConfig();
  // Without the standard ones, `@include` and `@skip` would be lost.
  const others = config.directives.length > 0 ? config.directives : specifiedDirectives;
  return new GraphQLSchema({
    ...config,
    types: [...config.types, CacheMode],
    directives: [...others, CacheDirective],
  });
}

/** Whether the schema has this directive, also if it was declared in SDL or built by another copy of this package. */
function hasCacheDirective(schema: GraphQLSchema): boolean {
  const directive = schema.getDirective(CacheDirective.name);
  if (!directive?.locations.includes(DirectiveLocation.FIELD)) return false;
  const mode = directive.args.find(({ name }) => name === 'mode');
  return mode !== undefined && getNamedType(mode.type).name === CacheMode.name;
}

/**
 * The mode that the request asks for, if the directive is enabled: that of the field's own directive, otherwise that of the
 * operation's. If the request selects the field several times in one place, the mode that bypasses the cache the most wins.
 */
export function modeOf(
  { fieldNodes, variableValues, operation, schema }: GraphQLResolveInfo,
  isEnabled: boolean,
): Mode {
  // The response to a mutation must show what it has just written.
  if (operation.operation !== OperationTypeNode.QUERY) return 'bypass';
  let mode: Mode = 'use';
  if (!isEnabled) return mode;
  for (const node of fieldNodes) {
    const said = modeOn(node, variableValues, schema) ?? modeOn(operation, variableValues, schema);
    if (said === 'bypass') return said;
    if (said === 'refresh') mode = said;
  }
  return mode;
}

type VariableValues = GraphQLResolveInfo['variableValues'];

/** The mode of the directive on one node; undefined without it. */
function modeOn(
  node: FieldNode | OperationDefinitionNode,
  values: VariableValues,
  schema: GraphQLSchema,
): Mode | undefined {
  if (node.directives === undefined || node.directives.length === 0 || !hasCacheDirective(schema)) return undefined;
  return modes.get(getDirectiveValues(CacheDirective, node, values)?.['mode']);
}
