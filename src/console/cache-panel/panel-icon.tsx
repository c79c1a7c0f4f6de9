import type { ReactElement } from 'react';

/** Two bars: a long one and a short one. */
export function PanelIcon(): ReactElement {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <rect x="3" y="5" width="18" height="5" rx="1" />
      <rect x="3" y="14" width="6" height="5" rx="1" fill="currentColor" />
    </svg>
  );
}
