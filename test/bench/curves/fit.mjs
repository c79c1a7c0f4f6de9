/** How cost grows, from a series of measurements: fits lines to it, and compares them with a promise. */

/** The exponent p of y = c·x^p that fits best; 0 is flat, 1 is linear. */
export function exponentOf(points) {
  return lineThrough(points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y), weight: 1 }))).slope;
}

/** The line y = base + slope·x whose errors, each relative to its y, are the smallest. */
export function costOf(points) {
  return lineThrough(points.map(({ x, y }) => ({ x, y, weight: 1 / y ** 2 })));
}

/** Weighted least squares. */
function lineThrough(points) {
  const sum = (of) => points.reduce((total, point) => total + point.weight * of(point), 0);
  const weight = sum(() => 1);
  const [meanX, meanY] = [sum(({ x }) => x) / weight, sum(({ y }) => y) / weight];
  const spread = sum(({ x }) => (x - meanX) ** 2);
  const slope = spread === 0 ? 0 : sum(({ x, y }) => (x - meanX) * (y - meanY)) / spread;
  return { slope, base: meanY - slope * meanX };
}

/**
 * Whether a curve keeps its promise.
 *
 * @param curve.promise One of
 *   `{ flat: 1.5 }`: the last cost is at most so many times the first;
 *   `{ linear: 1.1 }`: between the last two points it grows with at most this exponent and, if given, one unit more
 *     costs at most `share` of the first point, or at most `times` the slope of the curve `of`;
 *   `{ least: 1_000_000 }` and `{ most: 1.1 }`: bounds of every value;
 *   undefined: the curve is only reported.
 * @param curveOf Finds a measured curve by its id.
 * @returns The promise and the measurement as texts, and whether the promise is kept; undefined if there is none.
 */
export function verdictOn({ points, promise }, curveOf) {
  const [first, last] = [points[0], points.at(-1)];
  if (promise === undefined)
    return { promised: 'nothing', measured: `${shown(first.y)} → ${shown(last.y)}`, isMet: undefined };
  const ratio = last.y / first.y;
  const exponent = exponentOf(points);
  if (promise.flat !== undefined) {
    return {
      promised: `flat: last ≤ ${promise.flat} × first`,
      measured: `${ratio.toFixed(2)} ×, exponent ${exponent.toFixed(2)}`,
      isMet: ratio <= promise.flat,
    };
  }
  if (promise.least !== undefined) {
    const least = Math.min(...points.map(({ y }) => y));
    return {
      promised: `≥ ${promise.least.toLocaleString('en')}`,
      measured: shown(least),
      isMet: least >= promise.least,
    };
  }
  if (promise.most !== undefined) {
    const most = Math.max(...points.map(({ y }) => y));
    return { promised: `≤ ${promise.most}`, measured: most.toFixed(2), isMet: most <= promise.most };
  }
  return linearVerdict({ points, promise }, curveOf);
}

function linearVerdict({ points, promise }, curveOf) {
  const atEnd = exponentOf(points.slice(-2));
  const { slope } = costOf(points);
  const promised = [`linear: exponent at the end ≤ ${promise.linear}`];
  const measured = [`exponent ${atEnd.toFixed(2)}`];
  let isMet = atEnd <= promise.linear;
  if (promise.share !== undefined) {
    const share = slope / points[0].y;
    promised.push(`one more ≤ ${(100 * promise.share).toFixed(0)} % of the first`);
    measured.push(`one more ${shown(slope)} = ${(100 * share).toFixed(1)} %`);
    isMet &&= share <= promise.share;
  }
  if (promise.times !== undefined) {
    const other = costOf(curveOf(promise.of).points).slope;
    promised.push(`slope ≤ ${promise.times} × that of ${curveOf(promise.of).title}`);
    measured.push(`slope ${(1_000 * slope).toFixed(2)} ns = ${(slope / other).toFixed(2)} ×`);
    isMet &&= slope <= promise.times * other;
  }
  return { promised: promised.join(', '), measured: measured.join(', '), isMet };
}

/** A number with three significant digits. */
export function shown(value) {
  if (value >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
