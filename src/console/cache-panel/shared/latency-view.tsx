/** Whether figures are shown with the simulated latency that they include: one switch for all sections. */
import type { ReactElement } from 'react';
import { create } from 'zustand';
import { withoutSimulated } from '../request/simulated-latency.ts';

interface LatencyView {
  readonly isWithout: boolean;
  readonly setWithout: (isWithout: boolean) => void;
}

export const useLatencyView = create<LatencyView>((set) => ({
  isWithout: false,
  setWithout: (isWithout) => set({ isWithout }),
}));

/** A duration, and the part of it that the server simulated. */
export interface Time {
  readonly ms: number;
  readonly simulatedMs: number;
}

/** Returns a time as it is shown: with or without its simulated part. */
export function useShownMs(): (time: Time) => number {
  const isWithout = useLatencyView((view) => view.isWithout);
  return ({ ms, simulatedMs }) => (isWithout ? withoutSimulated(ms, simulatedMs) : ms);
}

export function LatencySwitch(): ReactElement {
  const { isWithout, setWithout } = useLatencyView();
  return (
    <label className="cache-panel-check">
      <input type="checkbox" role="switch" checked={isWithout} onChange={(event) => setWithout(event.target.checked)} />
      Without simulated latency
    </label>
  );
}
