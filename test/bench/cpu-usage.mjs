/** Preloaded into a server: reports the CPU time that the process has used, and exits when its parent disconnects. */
import process from 'node:process';

process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.channel?.unref();
