/** The last comparison, kept while another section or another plugin is shown. */
import { create } from 'zustand';
import type { ComparisonRequest } from '../request/use-request.ts';
import { compareSides, type Comparison, type Side } from './comparison.ts';
import { errorText } from '../words/error-text.ts';

interface CompareState {
  readonly comparison: Comparison | undefined;
  /** Why the last comparison failed, for the user. */
  readonly fault: string | undefined;
  /** The request that is under way. */
  readonly side: Side | undefined;
  readonly running: AbortController | undefined;
  /** @param request Reads the editors. What it throws is shown to the user. */
  readonly run: (request: () => ComparisonRequest) => Promise<void>;
  readonly stop: () => void;
}

export const useCompare = create<CompareState>((set, get) => ({
  comparison: undefined,
  fault: undefined,
  side: undefined,
  running: undefined,
  async run(request) {
    if (get().running !== undefined) return;
    const running = new AbortController();
    const { signal } = running;
    set({ running, fault: undefined });
    try {
      const comparison = await compareSides(request(), { signal, onSide: (side) => set({ side }) });
      set({ comparison });
    } catch (error) {
      // What was stopped leaves the previous comparison.
      if (!signal.aborted) set({ fault: errorText(error), comparison: undefined });
    }
    set({ running: undefined, side: undefined });
  },
  stop: () => get().running?.abort(),
}));
