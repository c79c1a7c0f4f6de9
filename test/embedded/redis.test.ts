import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type EmbeddedRedis,
  type RedisOptions,
  type RestartableRedis,
  startRedis,
  startRestartableRedis,
} from '../../src/embedded/index.ts';
import { startTestRedis } from '../support/redis.ts';
import { newRoom, processGroup } from './room.ts';

describe('an embedded Redis', () => {
  it('is limited to 64 MB, evicts by LRU, writes nothing to disk and has no port', async () => {
    await newRoom();
    const { socketPath } = await start();
    const client = connect(socketPath);
    const settings = await Promise.all(
      ['maxmemory', 'maxmemory-policy', 'save', 'appendonly', 'port'].map((name) => client.config('GET', name)),
    );
    expect(settings.map(String)).toEqual([
      'maxmemory,67108864',
      'maxmemory-policy,allkeys-lru',
      'save,',
      'appendonly,no',
      'port,0',
    ]);
  });

  it('has its own process group, and leaves no process, socket or folder', async () => {
    const room = await newRoom();
    const redis = await start();
    expect(await room.processes()).toEqual([redis.pid]);
    expect(await processGroup(redis.pid)).toBe(redis.pid);

    await redis.stop();
    await redis.stop();
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('is cleaned up by stop after it was killed', async () => {
    const room = await newRoom();
    const redis = await start();
    process.kill(redis.pid, 'SIGKILL');
    await redis.stop();
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('runs beside a second one', async () => {
    const room = await newRoom();
    const [one, two] = await Promise.all([start(), start()]);
    await connect(one.socketPath).set('key', 'value');
    expect(await connect(two.socketPath).dbsize()).toBe(0);
    await Promise.all([one.stop(), two.stop()]);
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('is null if no server is on the PATH', async () => {
    const room = await newRoom();
    expect(await startRedis({ searchPath: `${room.path}:/nowhere` })).toBeNull();
    expect(await startRedis({ searchPath: '' })).toBeNull();
    expect(await room.leftFiles()).toEqual([]);
  });

  it('rejects with the reason why the server did not start, and leaves nothing behind', async () => {
    const room = await newRoom();
    const started = startRedis({ extraArgs: ['--no-such-setting', '1'] });
    await expect(started).rejects.toMatchObject({ code: 'START_FAILED' });
    await expect(started).rejects.toThrow(/redis-server ended too early \(exit code 1\):[^]*no-such-setting/);
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });
});

describe('a Redis that can be restarted', () => {
  it('is stopped, and started again on the same socket, empty', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    await connect(redis.socketPath).set('key', 'value');
    await redis.stop();
    expect(await room.processes()).toEqual([]);
    await redis.start();
    expect(await connect(redis.socketPath).dbsize()).toBe(0);
    await redis.close();
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('is neither stopped nor started twice', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    const before = await room.processes();
    await redis.start();
    expect(await room.processes()).toEqual(before);
    await redis.stop();
    await redis.stop();
    await redis.start();
    const after = await room.processes();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  it('serves calls that are made at once one after the other', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    const calls = [
      redis.stop(),
      redis.start(),
      redis.start(),
      redis.stop(),
      redis.start(),
      redis.stop(),
      redis.start(),
    ];
    await Promise.all(calls);
    expect(await room.processes()).toHaveLength(1);
    await connect(redis.socketPath).set('key', 'value');
    await redis.close();
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('can be started after it has died', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    const [pid = 0] = await room.processes();
    process.kill(pid, 'SIGKILL');
    // Until this process has noticed that the server is gone, it counts as running.
    const startedPids = async (): Promise<number[]> => {
      await redis.start();
      return (await room.processes()).filter((other) => other !== pid);
    };
    await expect.poll(startedPids).toHaveLength(1);
    expect(await connect(redis.socketPath).ping()).toBe('PONG');
  });

  it('stops even while it is suspended', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    const [pid = 0] = await room.processes();
    process.kill(pid, 'SIGSTOP');
    await redis.stop();
    expect(await room.processes()).toEqual([]);
  });

  it('rejects a start that fails, with the reason, and starts once the cause is gone', async () => {
    await newRoom();
    const extraArgs: string[] = [];
    const redis = await startRestartable({ extraArgs });
    await redis.stop();
    extraArgs.push('--no-such-setting', '1');
    const started = redis.start();
    await expect(started).rejects.toMatchObject({ code: 'START_FAILED' });
    await expect(started).rejects.toThrow('no-such-setting');
    extraArgs.length = 0;
    await redis.start();
    expect(await connect(redis.socketPath).ping()).toBe('PONG');
  });

  it.each<[string, (redis: RestartableRedis) => Promise<void>]>([
    ['running', async () => {}],
    ['stopped', (redis) => redis.stop()],
    ['being stopped', async (redis) => void redis.stop()],
    ['being started', async (redis) => void (await redis.stop(), redis.start())],
  ])('is closed while it is %s, and leaves nothing', async (_, prepare) => {
    const room = await newRoom();
    const redis = await startRestartable();
    await prepare(redis);
    await redis.close();
    await redis.close();
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
    await expect(redis.start()).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(await room.processes()).toEqual([]);
  });

  it('is not started by a call that waits while it is closed', async () => {
    const room = await newRoom();
    const redis = await startRestartable();
    const [stopped, started] = [redis.stop(), redis.start()];
    const closed = redis.close();
    await expect(started).rejects.toThrow('Redis was closed');
    await Promise.all([stopped, closed]);
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('is null if no server is on the PATH, and rejects if it does not start, leaving nothing behind', async () => {
    const room = await newRoom();
    expect(await startRestartableRedis({ searchPath: '/nowhere' })).toBeNull();
    const started = startRestartableRedis({ extraArgs: ['--no-such-setting', '1'] });
    await expect(started).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(await room.leftFiles()).toEqual([]);
  });
});

describe('a test Redis', () => {
  it('restarts empty on the same socket after a kill', async () => {
    const room = await newRoom();
    const redis = await startTestRedis();
    const firstPid = redis.pid;
    await connect(redis.socketPath).set('key', 'value');
    redis.kill('SIGKILL');
    await redis.restart();
    expect(redis.pid).not.toBe(firstPid);
    expect(await connect(redis.socketPath).dbsize()).toBe(0);

    await redis.stop();
    expect(existsSync(redis.socketPath)).toBe(false);
    expect(await room.processes()).toEqual([]);
    expect(await room.leftFiles()).toEqual([]);
  });

  it('stops even while it is suspended', async () => {
    const room = await newRoom();
    const redis = await startTestRedis();
    redis.kill('SIGSTOP');
    await redis.stop();
    expect(await room.processes()).toEqual([]);
  });
});

async function start(options: RedisOptions = {}): Promise<EmbeddedRedis> {
  const redis = await startRedis(options);
  if (redis === null) throw new Error('no redis-server on the PATH');
  onTestFinished(() => redis.stop());
  return redis;
}

async function startRestartable(options: Parameters<typeof startRestartableRedis>[0] = {}): Promise<RestartableRedis> {
  const redis = await startRestartableRedis(options);
  if (redis === null) throw new Error('no redis-server on the PATH');
  onTestFinished(() => redis.close());
  return redis;
}

function connect(socketPath: string): Redis {
  const client = new Redis(socketPath, { protocol: 2, retryStrategy: () => null });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}
