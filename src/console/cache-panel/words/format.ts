/** Figures for people. */

/** `0.41 ms`, `38.2 ms`, `314 ms`, `1.20 s`; `< 0.01 ms` for what would be shown as nothing. */
export function formatMs(ms: number): string {
  if (ms > 0 && ms < 0.005) return '< 0.01 ms';
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** `1.2 MiB`, `512 KiB`. */
export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 1_048_576;
  return mebibytes >= 1 ? `${mebibytes.toFixed(1)} MiB` : `${(bytes / 1_024).toFixed(0)} KiB`;
}

/** `54.5 %`. */
export function formatPercent(percent: number): string {
  return `${percent.toFixed(1)} %`;
}

/** `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

/** How many times as fast: `130 ×`, `2.4 ×`. */
export function formatFactor(factor: number): string {
  return `${factor >= 10 ? factor.toFixed(0) : factor.toFixed(1)} ×`;
}
