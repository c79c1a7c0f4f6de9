import { Histogram, type Registry } from 'prom-client';

interface HistogramOptions<L extends string> {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

/** The durations with one combination of labels. */
export interface DurationSeries {
  observe(durationMs: number): void;
}

/**
 * A histogram for what happens very often. That of `prom-client` checks and hashes the labels of each observation, which costs as much as
 * a hit in memory does. Here the caller keeps a series for each combination of labels, and an observation is one addition.
 */
export class DurationHistogram<L extends string> extends Histogram<L> {
  readonly #name: string;
  readonly #help: string;
  readonly #buckets: readonly number[];
  readonly #series: Series<L>[] = [];

  constructor({ registry, name, help, labelNames, buckets }: HistogramOptions<L>) {
    super({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [registry] });
    this.#name = name;
    this.#help = help;
    this.#buckets = buckets;
  }

  /** Adds the series of these labels. Call it once for each combination. */
  series(labels: Readonly<Record<L, string>>): DurationSeries {
    const added = new Series(labels, this.#buckets);
    this.#series.push(added);
    return added;
  }

  /** What the registry and `get` of `prom-client` 15 read. */
  getForPromString(): Promise<object> {
    const values = this.#series.flatMap((one) => one.values(this.#name));
    return Promise.resolve({ name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values });
  }
}

class Series<L extends string> implements DurationSeries {
  readonly #labels: Readonly<Record<L, string>>;
  readonly #boundsMs: readonly number[];
  readonly #bounds: readonly number[];
  /** The number of durations in each bucket; the last bucket has no upper bound. */
  readonly #counts: number[];
  #sumMs = 0;

  constructor(labels: Readonly<Record<L, string>>, bounds: readonly number[]) {
    this.#labels = labels;
    this.#bounds = bounds;
    this.#boundsMs = bounds.map((bound) => bound * 1_000);
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(durationMs: number): void {
    const boundsMs = this.#boundsMs;
    let place = 0;
    while (place < boundsMs.length && durationMs > (boundsMs[place] ?? Infinity)) place += 1;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#sumMs += durationMs;
  }

  /** @param name That of the histogram. */
  values(name: string): object[] {
    let count = 0;
    const buckets = this.#counts.map((added, place) => {
      count += added;
      const labels = { le: this.#bounds[place] ?? '+Inf' };
      return { metricName: `${name}_bucket`, labels, sharedLabels: this.#labels, value: count };
    });
    const rest = { labels: {}, sharedLabels: this.#labels };
    return [
      ...buckets,
      { ...rest, metricName: `${name}_sum`, value: this.#sumMs / 1_000 },
      { ...rest, metricName: `${name}_count`, value: count },
    ];
  }
}
