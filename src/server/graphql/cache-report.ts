import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { cacheReportOf } from '../../pothos-cache/index.ts';
import { getOf } from './http-caching.ts';

/**
 * Puts what the cached fields did into `extensions.cache`, but for GETs: see `http-caching.ts`. It stands before `data`,
 * where a person sees it without scrolling.
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
