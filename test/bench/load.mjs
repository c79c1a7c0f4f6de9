/**
 * The load generator, a process of its own: connections that are kept alive and ask again as soon as they are answered,
 * or, where a rate is given, when the next request is due.
 *
 * It is our own because it must not be the limit: at 40,000 requests a second undici took a whole core and autocannon
 * tells latencies in whole milliseconds, where this one takes two thirds of a core and tells them in microseconds.
 */
import process from 'node:process';
import { HttpConnection } from './http-connection.mjs';
import { workloads } from './workloads.mjs';

/**
 * A load of `ms` milliseconds on servers that share the connections, from request `first` on; answers that are under way at
 * its end count.
 *
 * @param task.workload One of `workloads.mjs`; or
 * @param task.body the body of every request, in which `$index` stands for the number of the request.
 */
async function run({ workload, body, ports, connections, ms, first, rate }) {
  const { bodyAt } = workloads[workload] ?? { bodyAt: (index) => body.replaceAll('$index', index) };
  const latenciesMs = [];
  let asked = 0;
  let [bytes, bodyBytes] = [0, 0];
  const startedCpu = process.cpuUsage();
  const startedMs = performance.now();
  const untilMs = startedMs + ms;
  /** When request `index` is due; without a rate, at once. */
  const dueMs = (index) => (rate === undefined ? performance.now() : startedMs + (1_000 * index) / rate);

  const client = async (_, place) => {
    const connection = await HttpConnection.open(ports[place % ports.length]);
    for (;;) {
      const due = dueMs(asked);
      // However short the load and busy the machine: without a request there is no figure.
      if (asked > 0 && (due >= untilMs || performance.now() >= untilMs)) break;
      const index = asked++;
      // One that waits behind a late answer is late itself; that this process's timer is late is not the server's fault.
      const isEarly = due > performance.now();
      if (isEarly) await at(due);
      const sentMs = isEarly ? performance.now() : due;
      const answer = await connection.ask(bodyAt(first + index));
      latenciesMs.push(performance.now() - sentMs);
      bytes += answer.bytes;
      bodyBytes += answer.bodyBytes;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));

  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(startedCpu);
  const sorted = Float64Array.from(latenciesMs).sort();
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    requests: sorted.length,
    perSecond: sorted.length / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    bytes: bytes / sorted.length,
    bodyBytes: bodyBytes / sorted.length,
    /** The share of its core that this process has used. */
    busy: (user + system) / 1e6 / seconds,
  };
}

function at(dueMs) {
  return new Promise((resolve) => void setTimeout(resolve, dueMs - performance.now()));
}

process.on('message', (task) => {
  run(task).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
