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
