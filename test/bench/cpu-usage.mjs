/** Loaded before the program of a server: tells what CPU time the process has used, and ends with the one that asks. */
import process from 'node:process';

process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.channel?.unref();
