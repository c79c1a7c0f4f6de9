/** Where values are stored, and whether that works, in words. */
import type { CacheSnapshot } from './cache-snapshot.ts';

export type StoreFigures = Pick<CacheSnapshot, 'isStoreAvailable' | 'isCircuitOpen'>;
export type StoreState = 'available' | 'unavailable' | 'circuit-open';

export function storeStateOf({ isStoreAvailable, isCircuitOpen }: StoreFigures): StoreState {
  if (isCircuitOpen) return 'circuit-open';
  return isStoreAvailable ? 'available' : 'unavailable';
}

const texts: Record<StoreState, string> = {
  available: 'available',
  unavailable: 'unavailable',
  'circuit-open': 'bypassed (circuit open)',
};

/** Undefined: not known. */
export function storeText(figures: StoreFigures | undefined): string {
  return figures === undefined ? 'unknown' : texts[storeStateOf(figures)];
}

export function backendText(backend: CacheSnapshot['backend']): string {
  return backend === 'REDIS' ? 'Redis' : 'Memory store';
}
