import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { makeFolder } from '../../src/embedded/index.ts';
import { freePort } from './free-port.ts';

/** One series of a result. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface Prometheus {
  /** Evaluates an expression now. Throws what Prometheus has against it. */
  query(expression: string): Promise<readonly Sample[]>;
}

/** Starts a Prometheus that reads these servers five times a second. It ends with the test. */
export async function startPrometheus(urls: readonly string[]): Promise<Prometheus> {
  const folder = await makeFolder('cachepot-test-prometheus-');
  onTestFinished(() => folder.remove());
  const targets = urls.map((url) => new URL(url).host);
  const config = {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets }] }],
  };
  const configFile = join(folder.path, 'prometheus.yml');
  await writeFile(configFile, stringify(config));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [`--config.file=${configFile}`, `--storage.tsdb.path=${folder.path}/data`, `--web.listen-address=${address}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const isReady = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${stderr.slice(-2_000)}`);
    return await fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await expect.poll(isReady, { interval: 50 }).toBe(true);
  return {
    async query(expression) {
      const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const body = (await response.json()) as { error?: string; data?: { result: Sample[] } };
      if (body.data === undefined) throw new Error(`${expression}: ${body.error ?? response.statusText}`);
      return body.data.result;
    },
  };
}
