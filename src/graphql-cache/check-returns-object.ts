import { getNullableType, isCompositeType, type GraphQLOutputType } from 'graphql';
import { CacheError } from '../cache/index.ts';
import type { FieldOptions } from './effective-options.ts';

/** @throws {CacheError} `INVALID_OPTIONS` if the field has the option `fields`, and does not return one object. */
export function checkReturnsObject(place: string, { fields }: FieldOptions['options'], type: GraphQLOutputType): void {
  if (fields !== true || isCompositeType(getNullableType(type))) return;
  throw new CacheError(
    'INVALID_OPTIONS',
    `${place}: fields is for a field that returns one object, got ${String(type)}`,
  );
}
