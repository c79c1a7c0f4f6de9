/** Caches the resolvers of a GraphQL.js schema, whatever library it was built with. */
export type { Cache, Duration, Outcome } from '../cache/index.ts';
export type { CompressedBodies } from './compressed-bodies.ts';
export type { FieldCacheOptions, Variation } from './field-cache-options.ts';
export { httpCachingOf, serverTimingOf, type HttpCaching } from './http-caching.ts';
export type { HttpPolicy } from './http-policy.ts';
export { operationTasks, type OperationTask, type OperationTasksOptions } from './operation-tasks.ts';
export { cacheReportOf, type CacheReport, type FieldHit, type ReportRow } from './report.ts';
export {
  ResponseCache,
  type CacheableResult,
  type CachedResponse,
  type CachedResponseHeaders,
  type ResponseCacheOptions,
  type ResponseForm,
} from './response-cache.ts';
export { cacheResolver, type ResolverCacheOptions } from './cache-resolver.ts';
export { checkCachedFields } from './resolver-fields.ts';
export { withCacheDirective } from './cache-directive.ts';
export type { SchemaCacheOptions } from './schema-cache-options.ts';

// For plugins of schema builders, such as that of Pothos.
export { argumentDefaultsOf } from './argument-defaults.ts';
export {
  CachedResolvers,
  type CachedField,
  type Resolver,
  type ResolverCall,
  type ResolverOptions,
} from './cached-resolvers.ts';
export {
  fieldOptionNames,
  sharedOptionNames,
  withoutOff,
  type EffectiveOptions,
  type FieldOptions,
} from './effective-options.ts';
export { noteExposing } from './exposed-properties.ts';
export { noteEnumIdentities } from './enum-values.ts';
export {
  createFieldPolicy,
  type FieldPlace,
  type FieldPolicy,
  type OptionPlaces,
  type SchemaParts,
} from './field-policy.ts';
export { notePureResolver } from './pure-operation.ts';
export { engineRule, schemaOptionRules } from './schema-cache-options.ts';
export { schemaDigestOf } from './schema-digest.ts';
