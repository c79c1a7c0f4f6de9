/**
 * A duration in whole seconds, as people say it: `57 s`, `1 min 5 s`, `2 h 3 min`.
 *
 * @param round Default: downwards, as ages are told. `Math.ceil` for what remains: it is `0 s` only when nothing does.
 */
export function formatDuration(ms: number, round: (seconds: number) => number = Math.floor): string {
  const seconds = Math.max(0, round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(`${minutes} min`, seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return withRest(`${hours} h`, minutes % 60, 'min');
  return withRest(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

function withRest(text: string, rest: number, unit: string): string {
  return rest === 0 ? text : `${text} ${rest} ${unit}`;
}
