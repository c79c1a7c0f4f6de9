/** On a narrow screen one pane is visible at a time, below these tabs. On a wide one there are no tabs, and all panes. */
import { pick, useGraphiQL } from '@graphiql/react';
import { createPortal } from 'react-dom';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';

const panes = [
  ['plugin', 'Cache'],
  ['editor', 'Editor'],
  ['response', 'Response'],
] as const;
type Pane = (typeof panes)[number][0];

/** @param props.bar Where the tabs are shown, outside of GraphiQL. Its parent has the pane in `data-pane`, for the style sheet. */
export function Panes({ bar }: { bar: HTMLElement }): ReactElement {
  const { visiblePlugin, isFetching } = useGraphiQL(pick('visiblePlugin', 'isFetching'));
  const [pane, setPane] = useState<Pane>('plugin');
  useEffect(() => {
    bar.parentElement?.setAttribute('data-pane', pane);
  }, [bar, pane]);
  // A button of the sidebar shows a plugin, and a run shows its response.
  useEffect(() => setPane(visiblePlugin === null ? 'editor' : 'plugin'), [visiblePlugin]);
  useEffect(() => {
    if (isFetching) setPane('response');
  }, [isFetching]);

  const tablist = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = (panes.findIndex(([name]) => name === pane) + step + panes.length) % panes.length;
    setPane(panes[next]?.[0] ?? 'plugin');
    tablist.current?.querySelectorAll('button').item(next).focus();
  };
  return createPortal(
    <div role="tablist" aria-label="Panes" ref={tablist}>
      {panes.map(([name, title]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === pane}
          tabIndex={name === pane ? 0 : -1}
          onClick={() => setPane(name)}
          onKeyDown={move}
        >
          {name === 'plugin' ? (pluginTitle(visiblePlugin?.title) ?? title) : title}
        </button>
      ))}
    </div>,
    bar,
  );
}

/** The pane shows whichever plugin is visible. */
function pluginTitle(title: string | undefined): string | undefined {
  return title === 'Documentation Explorer' ? 'Docs' : title === 'History' ? title : undefined;
}
