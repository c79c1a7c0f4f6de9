/** What the figures were measured on. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { version } from 'node:process';
import { peerVersions } from './peers.mjs';

/** @param redisCommand The path of the Redis or Valkey server that runs. */
export async function machine(redisCommand) {
  const [{ model }, ...others] = cpus();
  const [, redis = 'unknown'] =
    /v=([\d.]+)/.exec(execFileSync(redisCommand, ['--version'], { encoding: 'utf8' })) ?? [];
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: { cores: others.length + 1, model: model.trim(), node: version, redis },
    peers: await peerVersions(),
  };
}
