/**
 * The Pothos plugin: a field that has the option `cache`, or whose type has it, is resolved through the engine; other fields are not touched.
 *
 * Plugins that wrap resolvers for authorisation or validation must come before `cache` in `plugins`, so that they run on hits too:
 * Pothos lets the first plugin wrap outermost. A schema in which one comes after `cache` is rejected.
 */
import {
  BasePlugin,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import { CacheError, watchInstalledDataLoaders } from '../cache/index.ts';
import {
  argumentDefaultsOf,
  CachedResolvers,
  type FieldPolicy,
  noteEnumIdentities,
  noteExposing,
  notePureResolver,
  type Resolver,
  schemaDigestOf,
  withCacheDirective,
} from '../graphql-cache/index.ts';
import { checkTypeOptions, fieldOptionsOf } from './field-options.ts';
import { fieldPolicyOf } from './field-policy-of.ts';
import { withFieldsForObjects } from './fields-for-objects.ts';
import { interfacesOfField } from './interfaces-of-field.ts';
import { checkPluginOptions } from './plugin-options.ts';
import type { PluginOptions } from './types.ts';

/** Wraps the resolvers of cached fields. Registered under the name that is the default export. */
export class PothosCachePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  /** By `Type.field`. */
  readonly #policies = new Map<string, FieldPolicy>();
  readonly #options = checkPluginOptions<Types['Context']>(this.options.cache);
  /** Undefined if nothing is cached. */
  readonly #resolvers = resolversOf(this.#options);

  override onTypeConfig(typeConfig: PothosTypeConfig): PothosTypeConfig {
    checkTypeOptions(typeConfig);
    return typeConfig;
  }

  override onOutputFieldConfig(fieldConfig: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const { kind, parentType, name } = fieldConfig;
    const place = `${parentType}.${name}`;
    const { configStore } = this.builder;
    const type = configStore.getTypeConfig(parentType);
    const interfaces = interfacesOfField(configStore, parentType, name);
    const options = fieldOptionsOf({ ...fieldConfig, place, type, interfaces }, this.#options);
    if (options !== undefined) {
      const given = withFieldsForObjects(place, options, fieldConfig.type);
      this.#policies.set(place, fieldPolicyOf({ place, isRoot: kind === 'Query' }, given, this.#options));
    }
    return fieldConfig;
  }

  override wrapResolve(
    resolver: Resolver<Types['Context']>,
    fieldConfig: PothosOutputFieldConfig<Types>,
  ): Resolver<Types['Context']> {
    const resolvers = this.#resolvers;
    const policy = this.#policies.get(`${fieldConfig.parentType}.${fieldConfig.name}`);
    const isWrapped = resolver !== (fieldConfig.resolve ?? defaultFieldResolver);
    if (resolvers === undefined || policy === undefined) {
      const property = fieldConfig.extensions?.['pothosExposedField'];
      if (isWrapped || typeof property !== 'string') return resolver;
      notePureResolver(resolver);
      noteExposing(resolver, property);
      return resolver;
    }
    if (isWrapped) {
      const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
      throw new PothosSchemaError(
        `${place}: a plugin listed after 'cache' in plugins wraps its resolver, so hits would skip that plugin; list it before 'cache'`,
      );
    }
    const cached = resolvers.wrap(resolver, policy);
    if (!policy.isPrivate && policy.varyOf === undefined) notePureResolver(cached);
    return cached;
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    // Modules that were loaded since the cache was created may contain further copies of DataLoader.
    watchInstalledDataLoaders();
    noteEnumIdentities(schema);
    const { engine, version, directive } = this.#options ?? {};
    if (this.#resolvers !== undefined) {
      const digest = schemaDigestOf(schema, this.#policies, version);
      this.#resolvers.schemaDigest = digest;
      engine?.registerSchema(digest, argumentDefaultsOf(schema, this.#policies.keys()));
    }
    return directive === false ? schema : withDirective(schema);
  }
}

function resolversOf<Context>(options: PluginOptions<Context> | undefined): CachedResolvers<Context> | undefined {
  return options?.engine === undefined ? undefined : new CachedResolvers({ ...options, engine: options.engine });
}

/** @throws {PothosSchemaError} if the schema has another directive of this name. */
function withDirective(schema: GraphQLSchema): GraphQLSchema {
  try {
    return withCacheDirective(schema);
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    const taken = error.message.slice('withCacheDirective: '.length);
    throw new PothosSchemaError(`toSchema({ cache }): ${taken}: rename it, or set directive: false`);
  }
}
