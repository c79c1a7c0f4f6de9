/**
 * Monaco's workers: scripts of their own, loaded when they are needed. The one for JSON checks variables and headers, so it is not
 * needed before the user is about to write some.
 */
import editorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker&url';
import jsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker&url';
import graphqlWorker from 'monaco-graphql/esm/graphql.worker.js?worker&url';

const retryMs = 2_000;

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
      if (language === 'graphql') return await startWorker(graphqlWorker);
      if (language !== 'json') return await startWorker(editorWorker);
      await jsonEditorFocused;
      return await startWorker(jsonWorker);
    },
  },
});

/** Monaco never replaces a worker whose script could not be loaded, so the script is in the browser's cache before there is one. */
async function startWorker(url: string): Promise<Worker> {
  while (!(await isLoaded(url))) await new Promise((resolve) => setTimeout(resolve, retryMs));
  return new Worker(url, { type: 'module' });
}

async function isLoaded(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // the server is away
  }
}
