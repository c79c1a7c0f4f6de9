/** A Pothos plugin that caches resolvers: `plugins: [CachePlugin]`, and `cache: { ttl, scope }` on a field. */
import './global-types.ts';
import SchemaBuilder from '@pothos/core';
import { PothosCachePlugin } from './plugin.ts';

export type { Cache, Duration, Outcome } from '../cache/index.ts';
export { PothosCachePlugin } from './plugin.ts';
export {
  cacheReportOf,
  httpCachingOf,
  operationTasks,
  ResponseCache,
  serverTimingOf,
  type CacheableResult,
  type CachedResponse,
  type CachedResponseHeaders,
  type CacheReport,
  type CompressedBodies,
  type FieldCacheOptions,
  type FieldHit,
  type HttpCaching,
  type HttpPolicy,
  type OperationTask,
  type OperationTasksOptions,
  type ReportRow,
  type ResponseCacheOptions,
  type ResponseForm,
  type SchemaCacheOptions,
  type Variation,
} from '../graphql-cache/index.ts';
export type { CacheDefaults, PluginOptions, TypeCacheOptions } from './types.ts';

const pluginName = 'cache';

/** The plugin's name, for `plugins: [CachePlugin]`. */
export default pluginName;

SchemaBuilder.registerPlugin(pluginName, PothosCachePlugin);
