/** One sentence at the first visit: what to press. */
import type { ReactElement } from 'react';
import { create } from 'zustand';

const storageKey = 'cache-panel:tour-is-done';

interface Tour {
  readonly isDone: boolean;
  readonly end: () => void;
}

export const useTour = create<Tour>((set, get) => ({
  isDone: isStored(),
  end() {
    if (get().isDone) return;
    set({ isDone: true });
    try {
      localStorage.setItem(storageKey, 'yes');
    } catch {
      // Without storage it is shown at the next visit.
    }
  },
}));

export function TourSentence(): ReactElement {
  const end = useTour((tour) => tour.end);
  return (
    <aside className="cache-panel-tour" aria-label="Tour">
      <p>
        Press <strong>Compare</strong>: the query in the editor runs once from the database and once through the cache,
        and you see both times.
      </p>
      <button type="button" className="cache-panel-secondary" onClick={end}>
        Got it
      </button>
    </aside>
  );
}

function isStored(): boolean {
  try {
    return localStorage.getItem(storageKey) !== null;
  } catch {
    return false; // a browser may forbid storage
  }
}
