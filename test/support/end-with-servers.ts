/**
 * A worker that is ended by a signal does not run `exit` hooks, so the servers that its tests have started would stay:
 * after Ctrl-C, and when Vitest itself is gone (`disconnect`).
 * The hooks are called here, because Vitest replaces process.exit with a function that throws.
 */
for (const end of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) {
  process.once(end, () => {
    process.emit('exit', 1);
    process.kill(process.pid, 'SIGKILL');
  });
}
