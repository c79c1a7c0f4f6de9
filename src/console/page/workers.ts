/** Monaco's workers: scripts of their own, each loaded when the first editor asks for it. */
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker';
import GraphqlWorker from 'monaco-graphql/esm/graphql.worker.js?worker';

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker(_id: string, language: string): Worker {
      if (language === 'json') return new JsonWorker();
      return language === 'graphql' ? new GraphqlWorker() : new EditorWorker();
    },
  },
});
