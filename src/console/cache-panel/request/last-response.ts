/** The response that GraphiQL shows, with the time at which it arrived. */
import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';
import { createStore } from 'zustand/vanilla';
import { reportIn, type Report } from './report.ts';
import { noteEntries } from './seen-entries.ts';

/** The part of Monaco's editor that is used here. */
interface ResponseEditor {
  getValue(): string;
  onDidChangeModelContent(listener: () => void): unknown;
}

export interface LastResponse {
  /** Whether there is one. */
  readonly isThere: boolean;
  readonly report: Report | undefined;
  /** As `Date.now()`; undefined for a response that was kept from before the page was loaded. */
  readonly arrivedMs: number | undefined;
}

/** The number of responses whose time of arrival is remembered: GraphiQL shows them again with their tabs. */
const rememberedMax = 20;

/** One for the page, so that it remains while another plugin is shown. */
export const lastResponse = createStore<LastResponse>(() => ({
  isThere: false,
  report: undefined,
  arrivedMs: undefined,
}));

const arrivals = new Map<string, number | undefined>();
const watched = new WeakSet<ResponseEditor>();
/** Of the operation that GraphiQL ran last, and of the one whose response was seen last. */
let [ranId, seenId] = [0, 0];
let isStreaming = false;

/** Keeps `lastResponse` up to date from now on, even after the component is gone. */
export function useLastResponse(): void {
  const responseEditor = useGraphiQL((state) => state.responseEditor);
  const queryId = useGraphiQL((state) => state.queryId);
  const subscription = useGraphiQL((state) => state.subscription);
  useEffect(() => {
    ranId = queryId;
    isStreaming = subscription !== null;
  }, [queryId, subscription]);
  useEffect(() => {
    if (responseEditor === undefined || watched.has(responseEditor)) return;
    watched.add(responseEditor);
    // It is disposed with the editor.
    responseEditor.onDidChangeModelContent(() => changed(responseEditor.getValue()));
    changed(responseEditor.getValue());
  }, [responseEditor]);
}

function changed(text: string): void {
  if (text === '') {
    lastResponse.setState({ isThere: false, report: undefined, arrivedMs: undefined });
    return;
  }
  const report = reportOf(text);
  if (!arrivals.has(text)) {
    const arrivedMs = arrivalNow();
    remember(text, arrivedMs);
    if (report !== undefined && arrivedMs !== undefined) noteEntries(report.fields, arrivedMs);
  }
  lastResponse.setState({ isThere: true, report, arrivedMs: arrivals.get(text) });
}

/** The time, if an operation has run since the last response. Without a run, GraphiQL shows one that was kept from before. */
function arrivalNow(): number | undefined {
  const isNew = ranId !== seenId || isStreaming;
  seenId = ranId;
  return isNew ? Date.now() : undefined;
}

/** By its text, which differs each time, because it contains durations. */
function remember(text: string, arrivedMs: number | undefined): void {
  arrivals.set(text, arrivedMs);
  for (const oldest of arrivals.keys()) {
    if (arrivals.size <= rememberedMax) break;
    arrivals.delete(oldest);
  }
}

function reportOf(text: string): Report | undefined {
  try {
    return reportIn(JSON.parse(text));
  } catch {
    return undefined; // a text of GraphiQL's own
  }
}
