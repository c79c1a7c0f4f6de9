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
import {
  currentLoad,
  noteViewerRead,
  watchInstalledDataLoaders,
  type Cache,
  type Key,
  type Dependency,
  type Outcome,
  type Policy,
} from '../cache/index.ts';
import { modeOf, withCacheDirective } from './cache-directive.ts';
import { isClientGone } from './client-gone.ts';
import { noteEnumIdentities } from './enum-values.ts';
import { createFieldPolicy, type FieldPolicy } from './field-policy.ts';
import { checkPluginOptions } from './plugin-options.ts';
import { notePureResolver } from './pure-operation.ts';
import { noteUnreported, openRow } from './report.ts';
import { selectionOf, type Selection } from './selection.ts';
import { schemaDigestOf } from './schema-digest.ts';
import type { FieldCacheOptions, PluginOptions } from './types.ts';
import { unawaited } from './unawaited.ts';
import { ViewerWatch } from './viewer-watch.ts';
import { pauseReads, resumeReads } from './watched-context.ts';
import { watchInfo } from './watched-info.ts';

type Path = GraphQLResolveInfo['path'];
type Resolver<Context> = GraphQLFieldResolver<unknown, Context, object>;

interface CachedField<Context> {
  readonly engine: Cache;
  readonly options: PluginOptions<Context>;
  readonly policy: FieldPolicy;
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
  /** Where the key contains it. */
  readonly selection: Selection | undefined;
  /** What the engine knows the request by. */
  readonly request: object | undefined;
}

/** Wraps the resolvers of fields with the option `cache`; registered under the name that is the default export. */
export class PothosCachePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #policies = new Map<string, FieldPolicy>();
  readonly #options = checkPluginOptions<Types['Context']>(this.options.cache);
  readonly #watch = new ViewerWatch<Types['Context']>(this.#options ?? {});
  /** By the place in the answer. */
  readonly #origins = new WeakMap<Path, Dependency>();
  #schemaDigest = '';

  override onOutputFieldConfig(fieldConfig: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const cache = fieldConfig.pothosOptions.cache;
    if (cache === undefined || cache === false) return fieldConfig;
    const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
    if (fieldConfig.kind === 'Mutation' || fieldConfig.kind === 'Subscription') {
      throw new PothosSchemaError(`${place}: a field of ${fieldConfig.kind} cannot be cached`);
    }
    const field = { place, isRoot: fieldConfig.kind === 'Query' };
    this.#policies.set(place, createFieldPolicy(field, cache as FieldCacheOptions, this.#options));
    return fieldConfig;
  }

  override wrapResolve(
    resolver: Resolver<Types['Context']>,
    fieldConfig: PothosOutputFieldConfig<Types>,
  ): Resolver<Types['Context']> {
    const options = this.#options;
    const policy = this.#policies.get(`${fieldConfig.parentType}.${fieldConfig.name}`);
    const isWrapped = resolver !== (fieldConfig.resolve ?? defaultFieldResolver);
    if (options?.engine === undefined || policy === undefined) {
      if (!isWrapped && fieldConfig.extensions?.['pothosExposedField'] !== undefined) notePureResolver(resolver);
      return resolver;
    }
    if (isWrapped) {
      const place = `${fieldConfig.parentType}.${fieldConfig.name}`;
      throw new PothosSchemaError(
        `${place}: a plugin that stands after 'cache' in plugins wraps its resolver, and hits would pass it over; put it before`,
      );
    }
    const cached = this.#cached(resolver, { engine: options.engine, options, policy });
    if (!policy.isPrivate && policy.varyOf === undefined) notePureResolver(cached);
    return cached;
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    // Modules that were loaded since the cache was created may have brought further copies of DataLoader.
    watchInstalledDataLoaders();
    noteEnumIdentities(schema);
    this.#schemaDigest = schemaDigestOf(schema, this.#policies, this.#options?.version);
    return this.#hasDirective ? withCacheDirective(schema) : schema;
  }

  get #hasDirective(): boolean {
    return this.#options?.directive !== false;
  }

  #cached(resolver: Resolver<Types['Context']>, field: CachedField<Types['Context']>): Resolver<Types['Context']> {
    const { signal: signalOf } = field.options;
    return (parent, args, context, info) => {
      const dependsOn = this.#originAbove(info.path);
      const call = { parent, args: args as Record<string, unknown>, context, info };
      const asked = this.#request(field, call, dependsOn?.key.selection);
      if (asked === undefined) {
        noteUnreported(context);
        if (currentLoad() !== undefined) this.#watch.begin(context);
        return resolver(parent, args, context, info);
      }
      const { key, policy, isAnonymous, selection, request } = asked;
      const mode = isAnonymous ? 'bypass' : modeOf(info, this.#hasDirective);
      const load = (): unknown => {
        const running = currentLoad();
        if (running !== undefined) this.#watch.begin(context);
        // A load that bypasses the cache is not one of its own: `running` is a load around it, if there is one.
        const own = { load: mode === 'bypass' ? undefined : running, selection, keySelection: key.selection };
        return resolver(parent, args, context, watchInfo(info, own));
      };
      const { httpMs } = field.policy;
      const tellRow = openRow(context, { key, httpMs, path: () => responsePathAsArray(info.path) });
      const report = (outcome: Outcome): void => {
        tellRow?.(isAnonymous ? { ...outcome, notStored: 'private, and the viewer is not known' } : outcome);
        this.#origins.set(info.path, outcome.dependency);
      };
      const isAborted = (): boolean | undefined =>
        signalOf === undefined ? isClientGone(context) : signalOf(context)?.aborted;
      return field.engine.fetch(key, policy, load, { mode, request, dependsOn, isAborted, report });
    };
  }

  /** Of the value that the parent is part of, where that is cached. */
  #originAbove({ prev }: Path): Dependency | undefined {
    for (let path = prev; path !== undefined; path = path.prev) {
      const origin = this.#origins.get(path);
      if (origin !== undefined) return origin;
    }
    return undefined;
  }

  /**
   * What the engine is asked, or undefined where that cannot be said: the field is then answered uncached.
   *
   * @param selectionAbove What the value was loaded for that the parent is part of: the parent may have nothing else.
   */
  #request(
    { engine, options, policy }: CachedField<Types['Context']>,
    { parent, args, context, info }: ResolverCall<Types['Context']>,
    selectionAbove: string | undefined,
  ): FieldRequest | undefined {
    const field = `${info.parentType.name}.${info.fieldName}`;
    const before = pauseReads();
    try {
      const viewer = policy.isPrivate ? (unawaited(options.viewer?.(context)) ?? undefined) : undefined;
      const isAnonymous = policy.isPrivate && viewer === undefined;
      // What a load around this one gets here is for nobody but strangers.
      if (isAnonymous) noteViewerRead(field);
      const parentId = policy.parentIdOf(parent);
      const selection = policy.hasSelection ? selectionOf(info) : undefined;
      const key = engine.key({
        schemaDigest: this.#schemaDigest,
        field,
        args,
        ...(parentId === undefined ? {} : { parent: parentId }),
        ...(viewer === undefined ? {} : { viewer }),
        ...(policy.varyOf === undefined || isAnonymous ? {} : { vary: unawaited(policy.varyOf(context)) }),
        ...(selection === undefined ? {} : { selection: [selection.encoding, selectionAbove] }),
      });
      const request = objectOf(options.request?.(context)) ?? objectOf(context);
      return { key, policy: policy.policyOf(parent, args), isAnonymous, selection, request };
    } catch (error) {
      if (policy.isPrivate || policy.varyOf !== undefined) noteViewerRead(field);
      engine.uncached(field, error);
      return undefined;
    } finally {
      resumeReads(before);
    }
  }
}

function objectOf(context: unknown): object | undefined {
  return typeof context === 'object' && context !== null ? context : undefined;
}
