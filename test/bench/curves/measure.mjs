/** Measures the curves of one section: every point once in each round; each round begins with the next point. */
import { median } from '../figures.mjs';
import { verdictOn } from './fit.mjs';

/**
 * @param section.panels `{ title, unit, x, curves: [{ id, title, promise }] }`.
 * @param section.points `{ x, measure(round) }`; `measure` returns a value for the id of each curve that has this
 *   point, and may return `xOf`, where the point is drawn instead of at `x`.
 * @returns The panels, with the points of each curve (medians over the rounds), its values in each round, and its
 *   verdict.
 */
export async function measureSection({ panels, points }, { rounds, onRound }) {
  const measured = points.map(() => []);
  for (const point of points) await point.measure(0); // warms up
  for (let round = 1; round <= rounds; round += 1) {
    for (let turn = 0; turn < points.length; turn += 1) {
      const place = (round + turn) % points.length;
      measured[place].push(await points[place].measure(round));
    }
    onRound(round);
  }
  const curves = panels.flatMap((panel) => panel.curves.map((curve) => ({ ...curve, points: pointsOf(curve) })));
  const curveOf = (id) => curves.find((curve) => curve.id === id);
  return panels.map((panel) => ({
    ...panel,
    curves: panel.curves.map(({ id }) => {
      const curve = curveOf(id);
      return { ...curve, verdict: verdictOn(curve, curveOf) };
    }),
  }));

  function pointsOf({ id }) {
    return points.flatMap(({ x }, place) => {
      const values = measured[place].map((result) => result[id]);
      if (values.some((value) => value === undefined)) return [];
      const xs = measured[place].map((result) => result.xOf ?? x);
      return [{ x: median(xs), y: median(values), rounds: values }];
    });
  }
}
