/** Plays scenarios, one at a time, and remembers their outcome while the panel shows something else. */
import type { Fetcher } from '@graphiql/toolkit';
import { createStore } from 'zustand/vanilla';
import { flushCache } from '../request/flush-cache.ts';
import { sleep } from '../live-cache/pause.ts';
import type { Operation } from '../request/operation.ts';
import { ownOperation } from '../request/own-operation.ts';
import { noteEntries } from '../request/seen-entries.ts';
import { send } from '../request/send.ts';
import type { ReportedRun, Scenario, ScenarioResult, ScenarioContext } from './scenario.ts';
import { errorText } from '../words/error-text.ts';

export interface Step {
  readonly text: string;
  /** Empty until there is one. */
  readonly outcome: string;
  /** When its wait ends, as `Date.now()`. */
  readonly untilMs?: number;
}

export interface ScenarioRun {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  readonly steps: readonly Step[];
  readonly result?: ScenarioResult;
  readonly error?: string;
}

/** The last run of each scenario, by its name. One for the page. */
export const scenarioRuns = createStore<Readonly<Record<string, ScenarioRun>>>(() => ({}));

/** Shorter waits have no countdown. */
const shownFromMs = 1_000;

let running: AbortController | undefined;

export function stopScenario(): void {
  running?.abort();
}

export interface Server {
  readonly fetcher: Fetcher;
  readonly headers: Operation['headers'];
}

/**
 * Resolves when it is over, whatever came of it; does nothing while another one runs.
 *
 * @param server Called once. What it throws is the scenario's error.
 */
export async function playScenario(scenario: Scenario, server: () => Server): Promise<void> {
  if (running !== undefined) return;
  const stop = new AbortController();
  running = stop;
  // A page that is left sends what has to be sent last, such as the start of Redis.
  window.addEventListener('pagehide', stopScenario);
  const update = (change: (run: ScenarioRun) => Partial<ScenarioRun>): void =>
    scenarioRuns.setState((runs) => {
      const run = runs[scenario.name] ?? { state: 'running', steps: [] };
      return { [scenario.name]: { ...run, ...change(run) } };
    });
  scenarioRuns.setState({ [scenario.name]: { state: 'running', steps: [] } });
  try {
    const result = await scenario.play(contextFor(server(), stop.signal, update));
    update(() => ({ state: 'done', result }));
  } catch (error) {
    const isStopped = stop.signal.aborted && error === stop.signal.reason;
    update(() => (isStopped ? { state: 'stopped' } : { state: 'failed', error: errorText(error) }));
  } finally {
    window.removeEventListener('pagehide', stopScenario);
    running = undefined;
  }
}

type Update = (change: (run: ScenarioRun) => Partial<ScenarioRun>) => void;

function contextFor({ fetcher, headers }: Server, signal: AbortSignal, update: Update): ScenarioContext {
  const lastStep = (change: Partial<Step>): void =>
    update(({ steps }) => ({
      steps: steps.map((step, index) => (index === steps.length - 1 ? { ...step, ...change } : step)),
    }));
  return {
    run: (query) => runReported(fetcher, ownOperation(query, { headers }), signal),
    send: async (query) => (await send(fetcher, ownOperation(query, { headers }))).data,
    flush: () => flushCache(fetcher, headers, signal),
    beginStep: (text) => update(({ steps }) => ({ steps: [...steps, { text, outcome: '' }] })),
    endStep: (outcome) => lastStep({ outcome }),
    async wait(ms) {
      if (ms >= shownFromMs) lastStep({ untilMs: Date.now() + ms });
      await sleep(ms, signal);
      signal.throwIfAborted();
    },
  };
}

/** @throws {Error} if the response has no report: then there is nothing to show. */
async function runReported(fetcher: Fetcher, operation: Operation, signal: AbortSignal): Promise<ReportedRun> {
  const { data, report } = await send(fetcher, operation, signal);
  const rows = report?.fields ?? [];
  const [row] = rows;
  if (row === undefined)
    throw new Error('The response does not say where its values came from: the server may run with CACHE_REPORT=off.');
  noteEntries(rows, Date.now());
  return { row, rows, data };
}
