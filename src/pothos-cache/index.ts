/** A Pothos plugin that caches resolvers: `plugins: [CachePlugin]`, and `cache: { ttl, scope }` on a field. */
import './global-types.ts';
import SchemaBuilder from '@pothos/core';
import { PothosCachePlugin } from './plugin.ts';

export type { Cache, Duration, Outcome } from '../cache/index.ts';
export type { CompressedBodies } from './compressed-bodies.ts';
export { PothosCachePlugin } from './plugin.ts';
export { httpCachingOf, serverTimingOf, type HttpCaching } from './http-caching.ts';
export {
  ResponseCache,
  type CachedResponse,
  type ResponseCacheOptions,
  type CachedResponseHeaders,
  type CacheableResult,
  type ResponseForm,
} from './response-cache.ts';
export { cacheReportOf, type CacheReport, type FieldHit, type ReportRow } from './report.ts';
export { operationTasks, type OperationTask, type OperationTasksOptions } from './operation-tasks.ts';
export type { FieldCacheOptions, Variation } from './field-cache-options.ts';
export type { SchemaCacheOptions } from './schema-cache-options.ts';
export type { CacheDefaults, PluginOptions, TypeCacheOptions } from './types.ts';

const pluginName = 'cache';

/** The plugin's name, for `plugins: [CachePlugin]`. */
export default pluginName;

SchemaBuilder.registerPlugin(pluginName, PothosCachePlugin);
