/** Metrics whose values are kept elsewhere, and read when Prometheus asks for them. */
import { Counter, Gauge, type Registry } from 'prom-client';

interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: () => number | Promise<number>;
}

export function gaugeOnScrape(registry: Registry, { name, help, read }: Reading): void {
  const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: async () => gauge.set(await read()) });
}

/** @param reading.read Returns the count since the process started. */
export function counterOnScrape(registry: Registry, { name, help, read }: Reading): void {
  const counter: Counter = new Counter({
    name,
    help,
    registers: [registry],
    async collect() {
      const count = await read();
      counter.reset();
      counter.inc(count);
    },
  });
}
