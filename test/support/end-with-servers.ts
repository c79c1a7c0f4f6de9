/**
 * A worker that ends by a signal runs no `exit` hook, and the servers that its test has started would stay: after
 * Ctrl-C, and when Vitest itself is gone (`disconnect`).
 * The hooks are run by hand, because Vitest has put a function that throws in the place of process.exit.
 */
for (const end of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) {
  process.once(end, () => {
    process.emit('exit', 1);
    process.kill(process.pid, 'SIGKILL');
  });
}
