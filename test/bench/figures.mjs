/** The figures of the measurements: medians over the rounds, and medians of the ratios within each round. */
import { plain, servers } from './servers.mjs';

/** @returns A row for each server; `rounds` has its requests per second, by round. */
export function figuresOf(measured) {
  return [...measured].map(([name, results]) => {
    const of = (key) => median(results.map((result) => result[key]));
    return {
      name,
      perSecond: of('perSecond'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      cpuUs: of('cpuUs'),
      bytes: of('bytes'),
      loadBusy: of('busy'),
      rounds: results.map(({ perSecond }) => perSecond),
    };
  });
}

/** The speed of a server relative to another one; undefined if one of them was not measured. */
export function ratioTo(figures, name, other = plain.name) {
  const [its, others] = [name, other].map((one) => figures.find((row) => row.name === one));
  if (its === undefined || others === undefined) return undefined;
  return median(its.rounds.map((perSecond, round) => perSecond / others.rounds[round]));
}

/**
 * The speed of a server relative to the fastest peer of each round, and the peer that was the fastest over all rounds.
 */
export function againstPeers(figures, name, isPeer = () => true) {
  const peers = peersOf(figures, isPeer);
  const its = figures.find((row) => row.name === name);
  if (peers.length === 0 || its === undefined) return undefined;
  const ratio = median(
    its.rounds.map((perSecond, round) => perSecond / Math.max(...peers.map(({ rounds }) => rounds[round]))),
  );
  return { ratio, fastest: fastestOf(peers).name };
}

/** The figures of the fastest peer; undefined if none was measured. */
export function fastestPeer(figures) {
  return fastestOf(peersOf(figures));
}

function peersOf(figures, isPeer = () => true) {
  const names = servers.filter((one) => one.kind === 'peer' && isPeer(one)).map((one) => one.name);
  return figures.filter((row) => names.includes(row.name));
}

function fastestOf(figures) {
  return figures.toSorted((a, b) => b.perSecond - a.perSecond)[0];
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
