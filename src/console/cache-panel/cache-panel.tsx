/** The panel: sections, of which one is visible. */
import type { GraphiQLPlugin } from '@graphiql/react';
import { useId, useState, type KeyboardEvent, type ReactElement } from 'react';
import { useLastResponse } from './request/last-response.ts';
import { PanelIcon } from './panel-icon.tsx';
import { ErrorBoundary } from './shared/error-boundary.tsx';
import { sections } from './sections.ts';
import './base.css';
import './panel.css';

/** The plugin, for GraphiQL's `plugins`. Use one object for as long as GraphiQL is mounted. */
export function cachePanel(): GraphiQLPlugin {
  return { title: 'Cache panel', icon: PanelIcon, content: Panel };
}

function Panel(): ReactElement {
  useLastResponse();
  const [current, setCurrent] = useState(0);
  const id = useId();
  const Content = sections[current]?.content;
  // As the WAI-ARIA pattern for tabs: one tab stop, arrow keys move between tabs.
  const move = (event: KeyboardEvent<HTMLButtonElement>): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = (current + step + sections.length) % sections.length;
    setCurrent(next);
    document.querySelector<HTMLElement>(`#${CSS.escape(`${id}-tab-${next}`)}`)?.focus();
  };
  return (
    <section className="cache-panel" aria-label="Cache panel">
      <div className="cache-panel-tabs" role="tablist" aria-label="Cache panel">
        {sections.map(({ name }, index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === current}
            aria-controls={`${id}-content`}
            tabIndex={index === current ? 0 : -1}
            onClick={() => setCurrent(index)}
            onKeyDown={move}
          >
            {name}
          </button>
        ))}
      </div>
      {/* The key: each section begins at its top. */}
      <div
        key={current}
        role="tabpanel"
        id={`${id}-content`}
        aria-labelledby={`${id}-tab-${current}`}
        className="cache-panel-content"
      >
        {Content === undefined ? null : (
          <ErrorBoundary what="This section">
            <Content />
          </ErrorBoundary>
        )}
      </div>
    </section>
  );
}
