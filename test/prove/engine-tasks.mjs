import { setTimeout as pause } from 'node:timers/promises';

const nowNs = () => Number(process.hrtime.bigint());

/**
 * Lets a process of `engine-processes.ts` run `tasks` by message. The task `events` returns the counted events of
 * `cache`.
 */
export function serve(cache, tasks) {
  const events = {};
  cache.on(({ type, reason }) => {
    const name = reason === undefined ? type : `${type}(${reason})`;
    events[name] = (events[name] ?? 0) + 1;
  });
  const all = { ...tasks, events: async () => events };
  process.on('message', ({ task, ...options }) => {
    void all[task](options).then((result) => process.send({ result }));
  });
  process.on('disconnect', () => process.exit());
}

/** Reports that the process is ready. Call it once. */
export function ready() {
  process.send({ result: 'ready' });
}

/**
 * Makes `count` reads of rows 0 to `rows` - 1 with several readers, beside writers that stop after the last read. `write(row)`
 * returns the version that is acknowledged; undefined if nothing was written. Returns reads and writes as flat triples of row,
 * version and time.
 */
export async function readBesideWrites({ count, rows, readers, read, writers, write, writeEveryMs }) {
  const [reads, writes] = [[], []];
  let [begun, ended] = [0, 0];
  const anyRow = () => Math.floor(Math.random() * rows);
  const reader = async () => {
    while (begun < count) {
      begun += 1;
      const row = anyRow();
      const beganNs = nowNs();
      reads.push(row, await read(row), beganNs);
      await pause(Math.random() * 3);
    }
    ended += 1;
  };
  const isOver = () => ended === readers;
  const writer = async () => {
    while (!isOver()) {
      const row = anyRow();
      const version = await write(row);
      if (version !== undefined) writes.push(row, version, nowNs());
      await pause(Math.random() * 2 * writeEveryMs);
    }
  };
  await Promise.all([...Array.from({ length: writers }, writer), ...Array.from({ length: readers }, reader)]);
  return { reads: Float64Array.from(reads), writes: Float64Array.from(writes) };
}
