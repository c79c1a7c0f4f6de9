/** What a scenario is, and what it works with. */
import type { ReportRow } from '../request/report.ts';
import type { ServerSettings } from '../request/server-settings.ts';

/** A time that the result shows as a bar. */
export interface Figure {
  /** What was timed, such as `First run`. */
  readonly label: string;
  readonly row: ReportRow;
}

/** A duration as it is shown: with or without its simulated part. */
export type ShownMs = (row: ReportRow) => number;

export interface ScenarioResult {
  readonly summary: (shownMs: ShownMs) => string;
  readonly figures: readonly Figure[];
}

/** What the cached fields of one operation did. */
export interface ReportedRun {
  /** The first one. */
  readonly row: ReportRow;
  /** At least one. */
  readonly rows: readonly ReportRow[];
  /** The response's `data`. */
  readonly data: unknown;
}

/** The server, and what the user sees. Calls reject once the scenario is stopped, unless stated otherwise. */
export interface ScenarioContext {
  /** Runs a query, and returns its data and what its cached fields did. */
  readonly run: (query: string) => Promise<ReportedRun>;
  /** Sends an operation and returns its data, also after the scenario was stopped. */
  readonly send: (query: string) => Promise<unknown>;
  /** @returns the number of values that were removed. */
  readonly flush: () => Promise<number>;
  /** Begins a step; the previous one is done. */
  readonly beginStep: (step: string) => void;
  /** States the outcome of the step. */
  readonly endStep: (outcome: string) => void;
  /** Waits, and shows the seconds that are left. */
  readonly wait: (ms: number) => Promise<void>;
}

export interface Scenario {
  readonly name: string;
  /** One sentence. */
  readonly explanation: string;
  /** The fields that it uses, as `Type.field`. It is not offered if the schema lacks one. */
  readonly needs: readonly string[];
  /** Default: on each server that has the fields. */
  readonly isOffered?: (settings: ServerSettings) => boolean;
  readonly play: (context: ScenarioContext) => Promise<ScenarioResult>;
}
