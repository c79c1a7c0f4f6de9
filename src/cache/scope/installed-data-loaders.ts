/**
 * Finds the copies of the package `dataloader` in this process, so that they need not be named: the copy that this package
 * resolves, and those that were loaded from elsewhere, under whatever name. Copies in a bundle, and those that are loaded
 * later, are not found.
 */
import { createRequire } from 'node:module';
import { isDataLoader, watchDataLoader } from './watch-data-loader.ts';

/** Calls `watchDataLoader` for each copy of DataLoader that is installed beside this package or has been loaded. */
export function watchInstalledDataLoaders(): void {
  for (const copy of copies()) watchDataLoader(copy);
}

function copies(): { readonly prototype: object }[] {
  const require = requireHere();
  if (require === undefined) return [];
  try {
    require('dataloader');
  } catch {
    // A program that does not use DataLoader need not install the package.
  }
  // All loaded CommonJS modules, including those that an ES module has imported.
  return Object.values(require.cache).flatMap((module) => (isDataLoader(module?.exports) ? [module.exports] : []));
}

function requireHere(): NodeJS.Require | undefined {
  try {
    return createRequire(import.meta.url);
  } catch {
    // In a CommonJS bundle there is no such URL.
    return undefined;
  }
}
