/** What a row of the report says, in words. */
import type { ReportRow } from '../request/report.ts';

const stateTexts: Record<ReportRow['state'], string> = {
  hit: 'Hit',
  stale: 'Stale',
  miss: 'Miss',
  bypass: 'Bypass',
  refresh: 'Refresh',
  shared: 'Shared',
};

const meanings: Record<ReportRow['state'], string> = {
  hit: 'found in the cache',
  stale: 'expired; returned while it is loaded again',
  miss: 'not in the cache, so it was loaded',
  bypass: 'loaded without the cache',
  refresh: 'loaded to replace the cached value',
  shared: 'another request loaded it meanwhile',
};

const tierTexts = { memory: 'memory tier', redis: 'Redis' } as const;

export function stateText(state: ReportRow['state']): string {
  return stateTexts[state];
}

export function stateMeaning(state: ReportRow['state']): string {
  return meanings[state];
}

/** `Cache, Redis`, `Database`. */
export function sourceText({ source, tier }: Pick<ReportRow, 'source' | 'tier'>): string {
  if (source === 'database') return 'Database';
  return tier == null ? 'Cache' : `Cache, ${tierTexts[tier]}`;
}

/** `topCached[2].reviews`. */
export function pathText(path: ReportRow['path']): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** `Hit, Redis`; `Miss, database`. */
export function outcomeText({ state, source, tier }: ReportRow): string {
  if (source === 'database') return `${stateText(state)}, database`;
  return tier == null ? stateText(state) : `${stateText(state)}, ${tierTexts[tier]}`;
}
