/** Resolves fields through the engine: each request of a field becomes a fetch, whose load is the field's own resolver. */
import { responsePathAsArray, type GraphQLFieldResolver, type GraphQLResolveInfo } from 'graphql';
import {
  CacheError,
  copyOfArguments,
  currentLoad,
  noteViewerRead,
  type Cache,
  type Key,
  type Mode,
  type Dependency,
  type Outcome,
  type Policy,
} from '../cache/index.ts';
import { backgroundContext, requestContextOf } from './background-context.ts';
import { modeOf } from './cache-directive.ts';
import { isClientGone } from './client-gone.ts';
import { isDataOnly } from './data-only.ts';
import { noteValueAt, valueAbove, type ValueAbove } from './dependencies.ts';
import { exposedBelow, noteCached } from './exposed-properties.ts';
import type { FieldPolicy } from './field-policy.ts';
import { noteUnreported, openRow } from './report.ts';
import { selectionOf, type Selection } from './selection.ts';
import type { SchemaCacheOptions } from './schema-cache-options.ts';
import { unawaited } from './unawaited.ts';
import { viewerWatchOf, type ViewerWatch } from './viewer-watch.ts';
import { pauseReads, resumeReads } from './watched-context.ts';
import { watchInfo } from './watched-info.ts';

/** A resolver of any field. */
export type Resolver<Context> = GraphQLFieldResolver<unknown, Context, object>;

/** The options of the schema, with an engine. */
export interface ResolverOptions<Context> extends SchemaCacheOptions<Context> {
  readonly engine: Cache;
}

/** The arguments of a resolver. */
export interface ResolverCall<Context> {
  readonly parent: unknown;
  readonly args: Record<string, unknown>;
  readonly context: Context;
  readonly info: GraphQLResolveInfo;
}

/** A cached field: its own resolver, and what each of its requests needs. */
export interface CachedField<Context> {
  readonly resolver: Resolver<Context>;
  readonly policy: FieldPolicy;
  readonly schemaDigest: string;
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

/** The cached resolvers of one schema. */
export class CachedResolvers<Context> {
  /** Known when the schema has been built. */
  schemaDigest = '';
  readonly #options: ResolverOptions<Context>;
  readonly #watch: ViewerWatch<Context>;

  constructor(options: ResolverOptions<Context>) {
    this.#options = options;
    this.#watch = viewerWatchOf(options);
  }

  /** Returns a resolver that resolves through the engine, and calls `resolver` to load. */
  wrap(resolver: Resolver<Context>, policy: FieldPolicy): Resolver<Context> {
    const cached: Resolver<Context> = (parent, args, context, info) => {
      const call = { parent, args: args as Record<string, unknown>, context, info };
      return this.resolve({ resolver, policy, schemaDigest: this.schemaDigest }, call);
    };
    noteCached(cached);
    return cached;
  }

  /** Resolves one request of a field: returns a promise, or what the field's own resolver returns if the cache cannot be used. */
  resolve(field: CachedField<Context>, call: ResolverCall<Context>): unknown {
    const { engine, signal: signalOf } = this.#options;
    const { context, info } = call;
    const above = valueAbove(info.path);
    const fieldRequest = this.#request(field, call, above);
    if (fieldRequest === undefined) {
      noteUnreported(context);
      if (currentLoad() !== undefined) this.#watch.begin(context);
      return field.resolver(call.parent, call.args, context, info);
    }
    const { key, isViewerUnknown, request } = fieldRequest;
    const mode = isViewerUnknown ? 'bypass' : modeOf(info, this.#options.directive !== false);
    const { load, reload } = this.#loads(field, { ...fieldRequest, call, mode, above });
    const { http } = field.policy;
    const tellRow = openRow(context, { key, http, path: () => responsePathAsArray(info.path) });
    const report = (outcome: Outcome): void => {
      tellRow?.(isViewerUnknown ? { ...outcome, notStored: 'private, and the viewer is not known' } : outcome);
      noteValueAt(info.path, { engine, dependency: outcome.dependency });
    };
    const isAborted = (): boolean | undefined =>
      signalOf === undefined ? isClientGone(context) : signalOf(context)?.aborted;
    const dependsOn = above?.dependency;
    const only = fieldRequest.policy.isByProperty === true ? exposedBelow(info) : undefined;
    const options = { mode, request, dependsOn, isAborted, reload, only, report };
    const fetching = engine.fetch(key, fieldRequest.policy, load, options);
    return engine.hasCodecs ? fetching.then((value) => noteInstances(value, call)) : fetching;
  }

  /**
   * The load of the request itself, and the one that runs when no request waits for it, which may run several times. Each receives arguments of
   * its own: a resolver may change what it receives, and the value belongs to the arguments of the key.
   */
  #loads(
    field: CachedField<Context>,
    request: FieldRequest & {
      readonly call: ResolverCall<Context>;
      readonly mode: Mode;
      readonly above: ValueAbove | undefined;
    },
  ): { load: () => unknown; reload: () => unknown } {
    const { refreshContext = backgroundContext } = this.#options;
    const { call, key, mode, selection, above } = request;
    const loadWith = (context: Context): unknown => {
      const running = currentLoad();
      if (running !== undefined) this.#watch.begin(requestContextOf(context));
      // A load that bypasses the cache has no scope of its own: `running` is an enclosing load, if there is one.
      const own = { load: mode === 'bypass' ? undefined : running, selection, keySelection: key.selection };
      return field.resolver(call.parent, copyOfArguments(key.args), context, watchInfo(call.info, own));
    };
    const reload = (): unknown => {
      const context = unawaited(refreshContext(call.context));
      if (context instanceof Promise) {
        throw new CacheError('INVALID_OPTIONS', `${key.field}: refreshContext must return a context, got a promise`);
      }
      const again = this.#request(field, { ...call, args: copyOfArguments(key.args), context }, above);
      // Otherwise the value of one viewer would be stored for another one.
      if (again === undefined || again.key.viewer !== key.viewer || again.key.vary !== key.vary) {
        const message = `${key.field}: refreshContext must return a context with the same viewer and variation`;
        throw new CacheError('INVALID_OPTIONS', message);
      }
      if (again.key.text !== key.text)
        throw new CacheError('INVALID_KEY', `${key.field}: a resolver has changed the id of its parent`);
      return loadWith(context);
    };
    return { load: () => loadWith(call.context), reload };
  }

  /**
   * What to ask the engine for; undefined if that cannot be determined: the field is then resolved without the cache.
   *
   * @param above The value that the parent is part of. If it was loaded for a selection, the parent may lack everything else.
   */
  #request(
    { policy, schemaDigest }: CachedField<Context>,
    { parent, args, context, info }: ResolverCall<Context>,
    above: ValueAbove | undefined,
  ): FieldRequest | undefined {
    const { engine, viewer: viewerOf, request: requestOf } = this.#options;
    const field = `${info.parentType.name}.${info.fieldName}`;
    const before = pauseReads();
    try {
      if (above !== undefined && above.engine !== engine) throw fromOtherEngine(field, above.dependency);
      const viewer = policy.isPrivate ? (unawaited(viewerOf?.(context)) ?? undefined) : undefined;
      const isViewerUnknown = policy.isPrivate && viewer === undefined;
      // The value of an enclosing load would be for requests without a known viewer only.
      if (isViewerUnknown) noteViewerRead(field);
      const parentId = policy.parentIdOf(parent);
      const selection = policy.hasSelection ? selectionOf(info) : undefined;
      const key = engine.key({
        schemaDigest,
        field,
        args,
        ...(parentId === undefined ? {} : { parent: parentId }),
        ...(viewer === undefined ? {} : { viewer }),
        ...(policy.varyOf === undefined || isViewerUnknown ? {} : { vary: unawaited(policy.varyOf(context)) }),
        ...(selection === undefined ? {} : { selection: [selection.encoding, above?.dependency.key.selection] }),
      });
      const request = objectOf(requestOf?.(context)) ?? objectOf(context);
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

/** Declares a response that contains instances to be for this request only. */
function noteInstances(value: unknown, { context, info }: ResolverCall<unknown>): unknown {
  if (!isDataOnly(info.returnType, value)) noteUnreported(context);
  return value;
}

/** What invalidates the parent would not invalidate the value. */
function fromOtherEngine(field: string, { key }: Dependency): CacheError {
  return new CacheError('INVALID_OPTIONS', `${field}: it is part of a value of another cache, ${key.field}`);
}

function objectOf(context: unknown): object | undefined {
  return typeof context === 'object' && context !== null ? context : undefined;
}
