/** How a process of `engine-processes.ts` answers: by one of `tasks`, or with the events of `cache`, counted. */
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

/** To be said once, when it is. */
export function ready() {
  process.send({ result: 'ready' });
}
