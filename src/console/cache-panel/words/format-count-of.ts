import { formatCount } from './format.ts';

/** `1 key`, `6 keys`. */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
