/**
 * The load generator, a separate process: keep-alive connections that send the next request as soon as the last one is
 * answered or, if a rate is given, when it is due.
 *
 * It is custom code because it must not be the bottleneck: at 40,000 requests per second, undici took a whole core, and
 * autocannon reports latencies in whole milliseconds; this one takes two thirds of a core and measures in microseconds.
 */
import process from 'node:process';
import { HttpConnection } from './http-connection.mjs';
import { workloads } from './workloads.mjs';

/**
 * Runs a load of `ms` milliseconds on servers that share the connections, from request `first` on. Responses that are
 * pending at its end count.
 *
 * @param task.workload One of `workloads.mjs`; or
 * @param task.body the body of every request, in which `$index` is replaced by the number of the request.
 */
async function run({ workload, body, ports, connections, ms, first, rate }) {
  const { bodyAt } = workloads[workload] ?? { bodyAt: (index) => body.replaceAll('$index', index) };
  const latenciesMs = [];
  let sent = 0;
  let [bytes, bodyBytes] = [0, 0];
  const startedCpu = process.cpuUsage();
  const startedMs = performance.now();
  const untilMs = startedMs + ms;
  /** When request `index` is due; without a rate, at once. */
  const dueMs = (index) => (rate === undefined ? performance.now() : startedMs + (1_000 * index) / rate);

  const client = async (_, place) => {
    const connection = await HttpConnection.open(ports[place % ports.length]);
    for (;;) {
      const due = dueMs(sent);
      // At least one request, however short the load and busy the machine: without one there is no figure.
      if (sent > 0 && (due >= untilMs || performance.now() >= untilMs)) break;
      const index = sent++;
      // A request that waited for a slow response counts from when it was due; a late timer of this process does not
      // count.
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
