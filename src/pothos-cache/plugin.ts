/**
 * The Pothos plugin: a field with the option `cache` is answered through the engine, a field without it is not touched.
 *
 * Plugins that wrap resolvers to authorise or validate must stand before `cache` in `plugins`, so that they run on hits
 * too: Pothos lets the first plugin wrap outermost. A schema where one stands after is refused.
 */
import { BasePlugin, type PothosOutputFieldConfig, PothosSchemaError, type SchemaTypes } from '@pothos/core';
import {
  defaultFieldResolver,
  responsePathAsArray,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { noteViewerRead, type Key, type Origin, type Outcome, type Policy } from '../cache/index.ts';
import { modeOf, withCacheDirective } from './cache-directive.ts';
import { isClientGone } from './client-gone.ts';
import { createFieldPolicy, type FieldPolicy } from './field-policy.ts';
import { notePureResolver } from './pure-operation.ts';
import { noteUnreported, openRow } from './report.ts';
import { shapeOf } from './shape.ts';
import type { FieldCacheOptions, PluginOptions } from './types.ts';
import { createViewerWatch } from './viewer-watch.ts';

type Path = GraphQLResolveInfo['path'];
type Resolver<Context> = GraphQLFieldResolver<unknown, Context, object>;

interface CachedField<Context> {
  readonly options: PluginOptions<Context>;
  readonly policy: FieldPolicy;
  readonly isRoot: boolean;
}

/** What a resolver is given. */
interface ResolverCall<Context> {
  readonly parent: unknown;
  readonly args: Record<string, unknown>;
  readonly context: Context;
  readonly info: GraphQLResolveInfo;
}

/** What the engine is asked for it. */
interface FieldRequest {
  readonly key: Key;
  readonly policy: Policy;
  /** Whether nobody knows whose private value it would be: it goes past the cache. */
  readonly isAnonymous: boolean;
}

/** Wraps the resolvers of fields with the option `cache`; registered under the name that is the default export. */
export class PothosCachePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #policies = new Map<string, FieldPolicy>();
  readonly #watch = createViewerWatch(this.options.cache?.viewerProperties ?? []);
  /** By the place in the answer. */
  readonly #origins = new WeakMap<Path, Origin>();
  #shape = '';

  override onOutputFieldConfig(fieldConfig: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const cache = fieldConfig.pothosOptions.cache;
    if (cache === undefined) return fieldConfig;
    const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
    if (fieldConfig.kind === 'Mutation' || fieldConfig.kind === 'Subscription') {
      throw new PothosSchemaError(`${place}: a field of ${fieldConfig.kind} cannot be cached`);
    }
    this.#policies.set(place, createFieldPolicy(place, cache as FieldCacheOptions, this.#options));
    return fieldConfig;
  }

  override wrapResolve(
    resolver: Resolver<Types['Context']>,
    fieldConfig: PothosOutputFieldConfig<Types>,
  ): Resolver<Types['Context']> {
    const options = this.#options;
    const policy = this.#policies.get(`${fieldConfig.parentType}.${fieldConfig.name}`);
    const isWrapped = resolver !== (fieldConfig.resolve ?? defaultFieldResolver);
    if (options === undefined || policy === undefined) {
      if (!isWrapped && fieldConfig.extensions?.['pothosExposedField'] !== undefined) notePureResolver(resolver);
      return resolver;
    }
    if (isWrapped) {
      const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
      throw new PothosSchemaError(
        `${place}: a plugin that stands after 'cache' in plugins wraps its resolver, and hits would pass it over; put it before`,
      );
    }
    const cached = this.#cached(resolver, { options, policy, isRoot: fieldConfig.kind === 'Query' });
    if (!policy.isPrivate && policy.varyOf === undefined) notePureResolver(cached);
    return cached;
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    this.#shape = shapeOf(schema, this.#policies, this.#options?.version);
    return this.#hasDirective ? withCacheDirective(schema) : schema;
  }

  get #hasDirective(): boolean {
    return this.#options?.directive !== false;
  }

  get #options(): PluginOptions<Types['Context']> | undefined {
    return this.options.cache;
  }

  #cached(resolver: Resolver<Types['Context']>, field: CachedField<Types['Context']>): Resolver<Types['Context']> {
    const { engine, request: requestOf, signal: signalOf } = field.options;
    return (parent, args, context, info) => {
      const load = (): unknown => resolver(parent, args, context, info);
      const request = this.#request(field, { parent, args: args as Record<string, unknown>, context, info });
      if (request === undefined) {
        noteUnreported(context);
        return load();
      }
      const { key, policy, isAnonymous } = request;
      const { httpMs } = field.policy;
      const tellRow = openRow(context, { key, httpMs, path: () => responsePathAsArray(info.path) });
      const report = (outcome: Outcome): void => {
        tellRow?.(outcome);
        this.#origins.set(info.path, outcome.origin);
      };
      return engine.fetch(key, policy, load, {
        mode: isAnonymous ? 'bypass' : modeOf(info, this.#hasDirective),
        request: requestOf?.(context) ?? objectOf(context),
        madeOf: this.#originAbove(info.path),
        isAborted: () => (signalOf === undefined ? isClientGone(context) : signalOf(context)?.aborted),
        report,
      });
    };
  }

  /** Of the value that the parent is part of, where that is cached. */
  #originAbove({ prev }: Path): Origin | undefined {
    for (let path = prev; path !== undefined; path = path.prev) {
      const origin = this.#origins.get(path);
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  /** What the engine is asked, or undefined where that cannot be said: the field is then answered uncached. */
  #request(
    { options: { engine, viewer: viewerOf }, policy, isRoot }: CachedField<Types['Context']>,
    { parent, args, context, info }: ResolverCall<Types['Context']>,
  ): FieldRequest | undefined {
    const field = `${info.parentType.name}.${info.fieldName}`;
    try {
      this.#watch(context);
      const viewer = policy.isPrivate ? (viewerOf?.(context) ?? undefined) : undefined;
      const isAnonymous = policy.isPrivate && viewer === undefined;
      // What a load around this one gets here is for nobody but strangers.
      if (isAnonymous) noteViewerRead();
      const key = engine.key({
        shape: this.#shape,
        field,
        args,
        ...(isRoot ? {} : { parent: policy.parentIdOf(parent) }),
        ...(viewer === undefined ? {} : { viewer }),
        ...(policy.varyOf === undefined || isAnonymous ? {} : { vary: policy.varyOf(context) }),
      });
      return { key, policy: policy.policyOf(parent, args), isAnonymous };
    } catch (error) {
      if (policy.isPrivate || policy.varyOf !== undefined) noteViewerRead();
      engine.uncached(field, error);
      return undefined;
    }
  }
}

function objectOf(context: unknown): object | undefined {
  return typeof context === 'object' && context !== null ? context : undefined;
}
