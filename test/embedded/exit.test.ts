/** The servers must not outlive the program that started them, even if it does not call stop(). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { newRoom, type Room } from './room.ts';

const embedded = new URL('../../dist/src/embedded/index.js', import.meta.url).href;

it.each([
  ['process.exit', 'process.exit(3)', 3],
  ['an uncaught exception', "setTimeout(() => { throw new Error('out') })", 1],
])('both servers end with a program that ends by %s', async (_how, ending, code) => {
  const room = await newRoom();
  const program = `
    const { startPostgres, startRedis } = await import('${embedded}');
    await Promise.all([startPostgres({ sqlFiles: [] }), startRedis()]);
    ${ending}`;
  expect(await exitCode(program)).toBe(code);
  await expectNothingLeft(room);
});

it.each([
  ['while it is stopped', 'await redis.stop();'],
  ['after it was started again', 'await redis.stop(); await redis.start();'],
  ['while it is being stopped', 'void redis.stop();'],
  [
    'while it is being started',
    'await redis.stop(); void redis.start(); await new Promise((go) => setTimeout(go, 20));',
  ],
])('a Redis that can be restarted ends with a program that ends %s', async (_when, calls) => {
  const room = await newRoom();
  const program = `
    const { startRestartableRedis } = await import('${embedded}');
    const redis = await startRestartableRedis();
    ${calls}
    process.exit(3)`;
  expect(await exitCode(program)).toBe(3);
  await expectNothingLeft(room);
});

it('the servers end with a program that ends while they start', async () => {
  const room = await newRoom();
  for (const afterMs of [20, 150, 300, 500]) {
    const program = `
      const { startPostgres, startRedis } = await import('${embedded}');
      void startPostgres({ sqlFiles: [] });
      void startRedis();
      setTimeout(() => process.exit(3), ${afterMs});`;
    expect(await exitCode(program)).toBe(3);
    await expectNothingLeft(room);
  }
});

it('a folder is removed at exit even while another process writes to it', async () => {
  const room = await newRoom();
  const program = `
    const { spawn } = await import('node:child_process');
    const { makeFolder } = await import('${embedded}');
    const { path } = await makeFolder('written-');
    const writing = 'mkdir a; for i in $(seq 5000); do : > a/$i || exit; done';
    spawn('sh', ['-c', writing], { cwd: path, detached: true, stdio: 'ignore' });
    setTimeout(() => process.exit(3), 100);`;
  expect(await exitCode(program)).toBe(3);
  await expectNothingLeft(room);
});

async function exitCode(program: string): Promise<unknown> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { cwd, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  return code;
}

async function expectNothingLeft(room: Room): Promise<void> {
  await expect.poll(() => room.processes()).toEqual([]);
  expect(await room.leftFiles()).toEqual([]);
}
