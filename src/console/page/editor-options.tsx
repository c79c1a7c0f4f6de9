/** What GraphiQL's editors should do differently here. */
import { pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

/** Long lines wrap: three columns fit on a laptop's screen. */
export function EditorOptions(): null {
  const { queryEditor, variableEditor, headerEditor, responseEditor } = useGraphiQL(
    pick('queryEditor', 'variableEditor', 'headerEditor', 'responseEditor'),
  );
  useEffect(() => {
    const named = [
      [queryEditor, 'Operation'],
      [variableEditor, 'Variables'],
      [headerEditor, 'Headers'],
      [responseEditor, 'Response'],
    ] as const;
    for (const [editor, ariaLabel] of named)
      editor?.updateOptions({ ariaLabel, fontSize: 13, wordWrap: 'on', wordBasedSuggestions: 'off' });
  }, [queryEditor, variableEditor, headerEditor, responseEditor]);
  return null;
}

/** Ctrl+Enter (Cmd+Enter on a Mac) runs the operation from everywhere on the page, not only from the editors. */
export function RunFromAnywhere(): null {
  const actions = useGraphiQLActions();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      // The editors have run it already.
      if (event.defaultPrevented || document.querySelector('[role="dialog"]') !== null) return;
      event.preventDefault();
      actions.run();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [actions]);
  return null;
}
