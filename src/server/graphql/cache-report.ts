import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { cacheReportOf } from '../../graphql-cache/index.ts';
import { getOf } from './http-caching.ts';

/**
 * Adds what the cached fields did to `extensions.cache`, except for GETs: see `http-caching.ts`. It comes before `data`, where a person
 * sees it without scrolling.
 */
export function useCacheReport(): Plugin {
  return {
    onExecute({ args }) {
      return {
        onExecuteDone({ result, setResult }) {
          const report = cacheReportOf(args.contextValue);
          if (report === undefined || isAsyncIterable(result) || getOf(args) !== undefined) return;
          const { extensions, ...rest } = result;
          setResult({ extensions: { ...extensions, cache: report }, ...rest });
        },
      };
    },
  };
}
