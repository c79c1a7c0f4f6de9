/** Extends Pothos' types: the option `cache` of a field, of a type, and of `toSchema`. */
import type {
  FieldNullability,
  InputFieldMap,
  InputShapeFromFields,
  InterfaceParam,
  SchemaTypes,
  ShapeFromTypeParam,
  TypeParam,
} from '@pothos/core';
import type { PothosCachePlugin } from './plugin.ts';
import type { FieldCacheOptions } from '../graphql-cache/index.ts';
import type { PluginOptions, TypeCacheOptions } from './types.ts';

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      cache: PothosCachePlugin<Types>;
    }

    export interface BuildSchemaOptions<Types extends SchemaTypes> {
      cache?: PluginOptions<Types['Context']> | false | undefined;
    }

    export interface ObjectTypeOptions<Types extends SchemaTypes = SchemaTypes, Shape = unknown> {
      cache?: TypeCacheOptions<Shape, Types['Context']> | undefined;
    }

    export interface InterfaceTypeOptions<
      Types extends SchemaTypes = SchemaTypes,
      Shape = unknown,
      Interfaces extends InterfaceParam<Types>[] = InterfaceParam<Types>[],
      ResolveType = unknown,
    > {
      cache?: TypeCacheOptions<Shape, Types['Context']> | undefined;
    }

    export interface QueryTypeOptions<Types extends SchemaTypes = SchemaTypes> {
      cache?: TypeCacheOptions<Types['Root'], Types['Context']> | undefined;
    }

    export interface FieldOptions<
      Types extends SchemaTypes = SchemaTypes,
      ParentShape = unknown,
      Type extends TypeParam<Types> = TypeParam<Types>,
      Nullable extends FieldNullability<Type> = FieldNullability<Type>,
      Args extends InputFieldMap = InputFieldMap,
      ResolveShape = unknown,
      ResolveReturnShape = unknown,
    > {
      cache?:
        | FieldCacheOptions<
            ParentShape,
            InputShapeFromFields<Args>,
            Types['Context'],
            ShapeFromTypeParam<Types, Type, Nullable>
          >
        | boolean
        | undefined;
    }
  }
}
