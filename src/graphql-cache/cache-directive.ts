/** The directive `@cache(mode:)` on a field of a query, or on the query itself. */
import {
  DirectiveLocation,
  getDirectiveValues,
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
import type { Mode } from '../cache/index.ts';

const CacheMode = new GraphQLEnumType({
  name: 'CacheMode',
  description: 'How a cached field of a request uses the cache.',
  values: {
    USE: { value: 'use', description: 'Answer from the cache where it has the value, else load and store it.' },
    BYPASS: { value: 'bypass', description: 'Load the value; neither read nor write the cache.' },
    REFRESH: { value: 'refresh', description: 'Load the value and store it.' },
  },
});

const CacheDirective = new GraphQLDirective({
  name: 'cache',
  description:
    'How this cached field uses the cache; on a query: all of its cached fields that have no @cache themselves.',
  locations: [DirectiveLocation.FIELD, DirectiveLocation.QUERY],
  args: { mode: { type: new GraphQLNonNull(CacheMode), defaultValue: 'use' } },
});

/** Returns `schema` with the directive. The standard directives are passed along; otherwise `@include` and `@skip` would be lost. */
export function withCacheDirective(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig();
  const others = config.directives.length > 0 ? config.directives : specifiedDirectives;
  return new GraphQLSchema({
    ...config,
    types: [...config.types, CacheMode],
    directives: [...others, CacheDirective],
  });
}

/**
 * The mode that the request asks for, if the directive is enabled: that of the field's own directive, otherwise that of the
 * operation's. If the request selects the field several times in one place, the mode that bypasses the cache the most wins.
 */
export function modeOf({ fieldNodes, variableValues, operation }: GraphQLResolveInfo, hasDirective: boolean): Mode {
  // The response to a mutation must show what it has just written.
  if (operation.operation !== OperationTypeNode.QUERY) return 'bypass';
  let mode: Mode = 'use';
  if (!hasDirective) return mode;
  for (const node of fieldNodes) {
    const said = modeOn(node, variableValues) ?? modeOn(operation, variableValues);
    if (said === 'bypass') return said;
    if (said === 'refresh') mode = said;
  }
  return mode;
}

type VariableValues = GraphQLResolveInfo['variableValues'];

/** The mode of the directive on one node; undefined without it. */
function modeOn(node: FieldNode | OperationDefinitionNode, values: VariableValues): Mode | undefined {
  if (node.directives === undefined || node.directives.length === 0) return undefined;
  const mode = getDirectiveValues(CacheDirective, node, values)?.['mode'];
  return mode === 'use' || mode === 'bypass' || mode === 'refresh' ? mode : undefined;
}
