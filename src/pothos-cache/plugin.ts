/**
 * The Pothos plugin: a field with the option `cache` is answered through the engine, a field without it is not touched.
 *
 * Plugins that wrap resolvers to authorise or validate must stand before `cache` in `plugins`, so that they run on hits
 * too: Pothos lets the first plugin wrap outermost.
 */
import { BasePlugin, type PothosOutputFieldConfig, PothosSchemaError, type SchemaTypes } from '@pothos/core';
import { responsePathAsArray, type GraphQLFieldResolver, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import type { Key, Policy } from '../cache/index.ts';
import { modeOf, withCacheDirective } from './cache-directive.ts';
import { createFieldPolicy, type FieldPolicy } from './field-policy.ts';
import { openRow } from './report.ts';
import { shapeOf } from './shape.ts';
import type { FieldCacheOptions, PluginOptions } from './types.ts';

type Resolver<Context> = GraphQLFieldResolver<unknown, Context, object>;

/** Wraps the resolvers of fields with the option `cache`; registered under the name that is the default export. */
export class PothosCachePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #policies = new Map<string, FieldPolicy>();
  #shape = '';

  override onOutputFieldConfig(fieldConfig: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const cache = fieldConfig.pothosOptions.cache;
    if (cache === undefined) return fieldConfig;
    const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
    if (fieldConfig.kind === 'Mutation' || fieldConfig.kind === 'Subscription') {
      throw new PothosSchemaError(`${place}: a field of ${fieldConfig.kind} cannot be cached`);
    }
    const defaultTtl = this.#options?.defaultTtl;
    this.#policies.set(
      place,
      createFieldPolicy(place, cache as FieldCacheOptions, defaultTtl === undefined ? {} : { defaultTtl }),
    );
    return fieldConfig;
  }

  override wrapResolve(
    resolver: Resolver<Types['Context']>,
    fieldConfig: PothosOutputFieldConfig<Types>,
  ): Resolver<Types['Context']> {
    const options = this.#options;
    const policy = this.#policies.get(`${fieldConfig.parentType}.${fieldConfig.name}`);
    if (options === undefined || policy === undefined) return resolver;
    const isRoot = fieldConfig.kind === 'Query';
    return this.#cached(resolver, { options, policy, isRoot });
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    this.#shape = shapeOf(schema, this.#policies, this.#options?.version);
    return this.#hasDirective ? withCacheDirective(schema) : schema;
  }

  get #hasDirective(): boolean {
    return this.#options?.directive !== false;
  }

  get #options(): PluginOptions | undefined {
    return this.options.cache;
  }

  #cached(
    resolver: Resolver<Types['Context']>,
    { options: { engine }, policy, isRoot }: { options: PluginOptions; policy: FieldPolicy; isRoot: boolean },
  ): Resolver<Types['Context']> {
    return (parent, args, context, info) => {
      const load = (): unknown => resolver(parent, args, context, info);
      const request = this.#request({ engine, policy, isRoot }, { parent, args, info });
      if (request === undefined) return load();
      const report = openRow(context, { key: request.key, path: () => responsePathAsArray(info.path) });
      return engine.fetch(request.key, request.policy, load, {
        mode: modeOf(info, this.#hasDirective),
        ...(report === undefined ? {} : { report }),
      });
    };
  }

  /** Key and policy of one request, or undefined where they cannot be made: the field is then answered uncached. */
  #request(
    { engine, policy, isRoot }: Pick<PluginOptions, 'engine'> & { policy: FieldPolicy; isRoot: boolean },
    { parent, args, info }: { parent: unknown; args: object; info: GraphQLResolveInfo },
  ): { key: Key; policy: Policy } | undefined {
    const field = `${info.parentType.name}.${info.fieldName}`;
    try {
      const key = engine.key({
        shape: this.#shape,
        field,
        args: args as Record<string, unknown>,
        ...(isRoot ? {} : { parent: policy.parentIdOf(parent) }),
      });
      return { key, policy: policy.policyOf(parent, args as Record<string, unknown>) };
    } catch (error) {
      engine.emit({ type: 'uncached', field, error });
      return undefined;
    }
  }
}
