/** Functions by which code in a load reports that it reads what differs between requests. */
import type { Key } from '../entry/key.ts';
import { LoadScope } from './load-scope.ts';
import type { Load } from './scope.ts';

/**
 * Records that the calling code reads the viewer. A public value whose load runs this code is returned to its own request
 * and not stored. Outside of loads, it does nothing. Call it wherever the viewer of a request can be read.
 *
 * @param what What was read, for the log, such as the name of a property; not its value.
 */
export function noteViewerRead(what?: string): void {
  LoadScope.current()?.readsViewer(what);
}

/**
 * Records that the calling code reads which fields a request selects. A value whose key does not contain that selection is
 * returned to its own request and not stored.
 *
 * @param load The load of the field whose selection it is, from `currentLoad`. An enclosing load does not depend on the
 *   selection, unless it runs the code itself.
 * @param read `what`: for the log. `selection`: the `Key.selection` that contains everything that was read; undefined if no key does.
 */
export function noteSelectionRead(
  load: Load,
  read: { readonly what: string; readonly selection: string | undefined },
): void {
  const { what, selection } = read;
  const isInKey = (key: Key): boolean => selection !== undefined && key.selection === selection;
  const refusal = { refusal: 'reads-selection', what } as const;
  if (load instanceof LoadScope) load.dependsOnRequest(isInKey, refusal, load);
  LoadScope.current()?.dependsOnRequest(isInKey, refusal, load);
}
