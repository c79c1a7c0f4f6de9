/** `CONSOLE=off`: clients do not learn the schema, neither by introspection nor from suggestions in errors. */
import { NoSchemaIntrospectionCustomRule } from 'graphql';
import type { Plugin } from 'graphql-yoga';

const suggestion = / Did you mean [^]*\?$/;

export function useClosedConsole(): Plugin {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(NoSchemaIntrospectionCustomRule);
    },
    onResultProcess({ result }) {
      for (const one of Array.isArray(result) ? result : [result]) {
        if (!('errors' in one)) continue;
        for (const error of one.errors ?? []) error.message = error.message.replace(suggestion, '');
      }
    },
  };
}
