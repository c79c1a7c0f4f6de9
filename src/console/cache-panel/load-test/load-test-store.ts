/** The load test that runs or ran last, and one that was kept. Both remain while another section or another plugin is shown. */
import { create } from 'zustand';
import type { ComparisonRequest } from '../request/use-request.ts';
import { runLoadTest, type LoadTest } from './load-test.ts';
import { errorText } from '../words/error-text.ts';

export const limits = {
  rounds: { name: 'Rounds', max: 500 },
  concurrency: { name: 'Simultaneous requests', max: 20 },
} as const;

interface LoadTestState {
  /** What the user has entered. */
  readonly entered: Readonly<Record<keyof typeof limits, string>>;
  readonly isLogarithmic: boolean;
  readonly current: LoadTest | undefined;
  readonly kept: LoadTest | undefined;
  /** Why no test could be started, for the user. */
  readonly fault: string | undefined;
  readonly running: AbortController | undefined;
  readonly enter: (name: keyof typeof limits, text: string) => void;
  readonly setLogarithmic: (isLogarithmic: boolean) => void;
  /** @param request Reads the editors. What it throws is shown to the user. */
  readonly start: (request: () => ComparisonRequest) => Promise<void>;
  readonly stop: () => void;
  readonly keep: (test: LoadTest | undefined) => void;
}

export const useLoadTest = create<LoadTestState>((set, get) => ({
  entered: { rounds: '10', concurrency: '1' },
  isLogarithmic: false,
  current: undefined,
  kept: undefined,
  fault: undefined,
  running: undefined,
  enter: (name, text) => set(({ entered }) => ({ entered: { ...entered, [name]: text } })),
  setLogarithmic: (isLogarithmic) => set({ isLogarithmic }),
  keep: (kept) => set({ kept }),
  stop: () => get().running?.abort(),
  async start(readRequest) {
    if (get().running !== undefined) return;
    const running = new AbortController();
    set({ running, fault: undefined });
    try {
      const { entered } = get();
      const options = { rounds: numberIn(entered, 'rounds'), concurrency: numberIn(entered, 'concurrency') };
      const request = readRequest();
      await runLoadTest(request, { ...options, signal: running.signal, publish: (current) => set({ current }) });
    } catch (error) {
      set({ fault: errorText(error) });
    }
    set({ running: undefined });
  },
}));

/** @throws {Error} with a message for the user. */
function numberIn(entered: LoadTestState['entered'], name: keyof typeof limits): number {
  const { name: title, max } = limits[name];
  const number = Number(entered[name]);
  if (entered[name].trim() === '' || !Number.isInteger(number) || number < 1 || number > max)
    throw new Error(`${title}: enter a whole number from 1 to ${max}.`);
  return number;
}
