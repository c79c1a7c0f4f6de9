import { types } from 'node:util';
import { isMap, isPlainArray, isPlainObject, isSet } from './plain-data.ts';

/** Handles the rejections of all promises in data that is not used: nothing else awaits them, and Node would end the process. */
export function ignorePromisesIn(data: unknown): void {
  const seen = new Set([data]);
  for (const value of seen) {
    if (value instanceof Promise) value.catch(() => {});
    else if (typeof value === 'object' && value !== null && !types.isProxy(value))
      for (const item of itemsOf(value)) seen.add(item);
  }
}

/** What plain data contains; nothing of instances of classes, which may refer to anything. */
function itemsOf(value: object): readonly unknown[] {
  if (isMap(value)) return [...value].flat();
  if (isSet(value)) return [...value];
  if (!isPlainArray(value) && !isPlainObject(value)) return [];
  // Accessors are not called: they may make new promises.
  return Object.values(Object.getOwnPropertyDescriptors(value)).map((property) => property.value as unknown);
}
