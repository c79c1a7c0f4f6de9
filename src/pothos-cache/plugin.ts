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
import {
  defaultFieldResolver,
  responsePathAsArray,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import {
  CacheError,
  currentLoad,
  noteViewerRead,
  watchInstalledDataLoaders,
  type Cache,
  type Key,
  type Mode,
  type Dependency,
  type Outcome,
  type Policy,
} from '../cache/index.ts';
import { argumentDefaultsOf } from './argument-defaults.ts';
import { backgroundContext, requestContextOf } from './background-context.ts';
import { modeOf, withCacheDirective } from './cache-directive.ts';
import { isClientGone } from './client-gone.ts';
import { noteEnumIdentities } from './enum-values.ts';
import { checkTypeOptions, fieldOptionsOf } from './field-options.ts';
import { createFieldPolicy, type FieldPolicy } from './field-policy.ts';
import { checkPluginOptions } from './plugin-options.ts';
import { notePureResolver } from './pure-operation.ts';
import { noteUnreported, openRow } from './report.ts';
import { selectionOf, type Selection } from './selection.ts';
import { schemaDigestOf } from './schema-digest.ts';
import type { PluginOptions } from './types.ts';
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

/** The arguments of a resolver. */
interface ResolverCall<Context> {
  readonly parent: unknown;
  readonly args: Record<string, unknown>;
  readonly context: Context;
  readonly info: GraphQLResolveInfo;
}

/** What the engine is asked for on behalf of a resolver. */
interface FieldRequest {
  readonly key: Key;
  readonly policy: Policy;
  /** Whether the field is private and the viewer is not known: it bypasses the cache. */
  readonly isViewerUnknown: boolean;
  /** Undefined unless the key contains the selection. */
  readonly selection: Selection | undefined;
  /** Identifies the request to the engine. */
  readonly request: object | undefined;
}

/** Wraps the resolvers of cached fields. Registered under the name that is the default export. */
export class PothosCachePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #policies = new Map<string, FieldPolicy>();
  /** By `Type.field`. */
  readonly #argumentDefaults = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #options = checkPluginOptions<Types['Context']>(this.options.cache);
  readonly #watch = new ViewerWatch<Types['Context']>(this.#options ?? {});
  /** By response path. */
  readonly #dependencies = new WeakMap<Path, Dependency>();
  #schemaDigest = '';

  override onTypeConfig(typeConfig: PothosTypeConfig): PothosTypeConfig {
    checkTypeOptions(typeConfig);
    return typeConfig;
  }

  override onOutputFieldConfig(fieldConfig: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const { kind, parentType, declaringType = parentType } = fieldConfig;
    const place = `${parentType}.${fieldConfig.name}`;
    const types = [...new Set([parentType, declaringType])].map((name) => this.builder.configStore.getTypeConfig(name));
    const options = fieldOptionsOf({ ...fieldConfig, place, types }, this.#options);
    if (options !== undefined) {
      this.#argumentDefaults.set(place, argumentDefaultsOf(fieldConfig.args));
      this.#policies.set(place, createFieldPolicy({ place, isRoot: kind === 'Query' }, options, this.#options));
    }
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
        `${place}: a plugin listed after 'cache' in plugins wraps its resolver, so hits would skip that plugin; list it before 'cache'`,
      );
    }
    const cached = this.#cached(resolver, { engine: options.engine, options, policy });
    if (!policy.isPrivate && policy.varyOf === undefined) notePureResolver(cached);
    return cached;
  }

  override afterBuild(schema: GraphQLSchema): GraphQLSchema {
    // Modules that were loaded since the cache was created may contain further copies of DataLoader.
    watchInstalledDataLoaders();
    noteEnumIdentities(schema);
    this.#schemaDigest = schemaDigestOf(schema, this.#policies, this.#options?.version);
    this.#options?.engine?.addSchema(this.#schemaDigest, (field) => this.#argumentDefaults.get(field));
    return this.#hasDirective ? withCacheDirective(schema) : schema;
  }

  get #hasDirective(): boolean {
    return this.#options?.directive !== false;
  }

  #cached(resolver: Resolver<Types['Context']>, field: CachedField<Types['Context']>): Resolver<Types['Context']> {
    const { signal: signalOf } = field.options;
    return (parent, args, context, info) => {
      const dependsOn = this.#dependencyAbove(info.path);
      const call = { parent, args: args as Record<string, unknown>, context, info };
      const fieldRequest = this.#request(field, call, dependsOn?.key.selection);
      if (fieldRequest === undefined) {
        noteUnreported(context);
        if (currentLoad() !== undefined) this.#watch.begin(context);
        return resolver(parent, args, context, info);
      }
      const { key, policy, isViewerUnknown, request } = fieldRequest;
      const mode = isViewerUnknown ? 'bypass' : modeOf(info, this.#hasDirective);
      const { load, reload } = this.#loads(resolver, field, { ...fieldRequest, call, mode, dependsOn });
      const { httpMs } = field.policy;
      const tellRow = openRow(context, { key, httpMs, path: () => responsePathAsArray(info.path) });
      const report = (outcome: Outcome): void => {
        tellRow?.(isViewerUnknown ? { ...outcome, notStored: 'private, and the viewer is not known' } : outcome);
        this.#dependencies.set(info.path, outcome.dependency);
      };
      const isAborted = (): boolean | undefined =>
        signalOf === undefined ? isClientGone(context) : signalOf(context)?.aborted;
      return field.engine.fetch(key, policy, load, { mode, request, dependsOn, isAborted, reload, report });
    };
  }

  /** The load of the request itself, and the one that runs when no request waits for it. */
  #loads(
    resolver: Resolver<Types['Context']>,
    field: CachedField<Types['Context']>,
    request: FieldRequest & {
      readonly call: ResolverCall<Types['Context']>;
      readonly mode: Mode;
      readonly dependsOn: Dependency | undefined;
    },
  ): { load: () => unknown; reload: () => unknown } {
    const { refreshContext = backgroundContext } = field.options;
    const { call, key, mode, selection, dependsOn } = request;
    const loadWith = (context: Types['Context']): unknown => {
      const running = currentLoad();
      if (running !== undefined) this.#watch.begin(requestContextOf(context));
      // A load that bypasses the cache has no scope of its own: `running` is an enclosing load, if there is one.
      const own = { load: mode === 'bypass' ? undefined : running, selection, keySelection: key.selection };
      return resolver(call.parent, call.args, context, watchInfo(call.info, own));
    };
    const reload = (): unknown => {
      const context = unawaited(refreshContext(call.context));
      if (context instanceof Promise) {
        throw new CacheError('INVALID_OPTIONS', `${key.field}: refreshContext must return a context, got a promise`);
      }
      const again = this.#request(field, { ...call, context }, dependsOn?.key.selection);
      // Otherwise the value of one viewer would be stored for another one.
      if (again === undefined || again.key.viewer !== key.viewer || again.key.vary !== key.vary) {
        const message = `${key.field}: refreshContext must return a context with the same viewer and variation`;
        throw new CacheError('INVALID_OPTIONS', message);
      }
      return loadWith(context);
    };
    return { load: () => loadWith(call.context), reload };
  }

  /** The cached value that the parent is part of. */
  #dependencyAbove({ prev }: Path): Dependency | undefined {
    for (let path = prev; path !== undefined; path = path.prev) {
      const dependency = this.#dependencies.get(path);
      if (dependency !== undefined) return dependency;
    }
    return undefined;
  }

  /**
   * What to ask the engine for; undefined if that cannot be determined: the field is then resolved without the cache.
   *
   * @param selectionAbove The selection that the parent's value was loaded for: the parent may lack everything else.
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
      const isViewerUnknown = policy.isPrivate && viewer === undefined;
      // The value of an enclosing load would be for requests without a known viewer only.
      if (isViewerUnknown) noteViewerRead(field);
      const parentId = policy.parentIdOf(parent);
      const selection = policy.hasSelection ? selectionOf(info) : undefined;
      const key = engine.key({
        schemaDigest: this.#schemaDigest,
        field,
        args,
        ...(parentId === undefined ? {} : { parent: parentId }),
        ...(viewer === undefined ? {} : { viewer }),
        ...(policy.varyOf === undefined || isViewerUnknown ? {} : { vary: unawaited(policy.varyOf(context)) }),
        ...(selection === undefined ? {} : { selection: [selection.encoding, selectionAbove] }),
      });
      const request = objectOf(options.request?.(context)) ?? objectOf(context);
      return { key, policy: policy.policyOf(parent, args), isViewerUnknown, selection, request };
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
