/** To two places: people read these figures. */
export function rounded(figure: number): number {
  return Math.round(100 * figure) / 100;
}
