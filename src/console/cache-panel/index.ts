/** A plugin for GraphiQL 5 that compares the database with the cache, for any server whose responses have `extensions.cache`. */
export { cachePanel } from './cache-panel.tsx';
export { StatsBar } from './stats-bar/stats-bar.tsx';
