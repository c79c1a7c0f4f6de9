/**
 * Monaco's workers: scripts of their own, loaded when they are needed. The one for JSON checks variables and headers, so it is not
 * needed before the user is about to write some.
 */
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker';
import GraphqlWorker from 'monaco-graphql/esm/graphql.worker.js?worker';

const jsonEditorFocused = new Promise<void>((resolve) => {
  document.addEventListener('focusin', function onFocus({ target }) {
    if (!(target instanceof Element) || target.closest('.graphiql-editor-tool') === null) return;
    document.removeEventListener('focusin', onFocus);
    resolve();
  });
});

Object.assign(globalThis, {
  MonacoEnvironment: {
    async getWorker(_id: string, language: string): Promise<Worker> {
      if (language === 'graphql') return new GraphqlWorker();
      if (language !== 'json') return new EditorWorker();
      await jsonEditorFocused;
      return new JsonWorker();
    },
  },
});
