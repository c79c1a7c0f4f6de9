/** Checks manifests/monitoring: what its parts must know of each other, and of the shop. Its pods are checked in manifests.test.ts. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runTool } from '../support/run-tool.ts';
import { containerOf, environmentOf, monitoring, monitoringFiles, named, root, textOf } from './manifests.ts';
import { alerts } from './monitoring-files.ts';

const folder = 'manifests/monitoring';
const namespace = 'redis-demo-monitoring';

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly files: string[];
  }[];
}
const { resources, configMapGenerator: configMaps } = parse(
  await textOf(`${folder}/kustomization.yaml`),
) as Kustomization;

/** The files that a container finds in its ConfigMaps, by their paths in it. */
function mountedIn(name: string): Map<string, string> {
  const { containers, volumes = [] } = named('Deployment', name).spec.template.spec;
  const mounts = (containers[0].volumeMounts ?? []).flatMap(({ name: volume, mountPath }) => {
    const { configMap } = volumes.find((one) => one['name'] === volume) as { configMap?: { name: string } };
    const files = configMaps.find((one) => one.name === configMap?.name)?.files ?? [];
    return files.map((file) => [join(mountPath, basename(file)), `${folder}/${file}`] as const);
  });
  return new Map(mounts);
}

describe('the overlay', () => {
  it('has all files of its folder, as resources or in ConfigMaps', async () => {
    expect(resources).toEqual(monitoringFiles);
    const used = [...resources, ...configMaps.flatMap(({ files }) => files), 'kustomization.yaml'];
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const present = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(present.toSorted()).toEqual(used.map((file) => join(root, folder, file)).toSorted());
  });

  it('is in a namespace of its own that enforces the restricted profile, besides the Service of the app', () => {
    const [first, ...others] = monitoring;
    expect(first).toMatchObject({ kind: 'Namespace', metadata: { name: namespace } });
    expect(first?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const outside = others.filter(({ metadata }) => metadata.namespace !== namespace);
    expect(outside.map(({ metadata }) => metadata.name)).toEqual(['cache-demo-app-pods']);
    expect(new Set(configMaps.map((one) => one.namespace))).toEqual(new Set([namespace]));
  });

  it.each([
    ['prometheus', 'prom/prometheus:v', 9090],
    ['grafana', 'grafana/grafana:', 3000],
  ])('runs one %s of a fixed version, with limits, behind a Service of its name', (name, image, port) => {
    const container = containerOf(name);
    expect(container.image).toMatch(new RegExp(`^${image}\\d+\\.\\d+\\.\\d+$`));
    expect(container.resources).toMatchObject({ limits: { memory: '512Mi', cpu: '500m' } });
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }]);
    expect(named('Deployment', name).spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    const { template, selector } = named('Deployment', name).spec;
    expect([template.metadata.labels, selector]).toEqual([{ app: name }, { matchLabels: { app: name } }]);
    expect(named('Service', name).spec).toMatchObject({
      selector: { app: name },
      ports: [{ port, targetPort: 'http' }],
    });
  });
});

describe('Prometheus', async () => {
  const config = parse(await textOf(`${folder}/prometheus.yml`)) as {
    rule_files: string[];
    scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; type: string; port: number }[] }[];
  };
  const { args = [] } = containerOf('prometheus');

  it('finds its configuration and its rules where it looks for them; promtool accepts both', async () => {
    const [configFile = ''] = args.flatMap((arg) => /^--config\.file=(.*)/.exec(arg)?.[1] ?? []);
    const files = mountedIn('prometheus');
    expect(files.get(configFile)).toBe(`${folder}/prometheus.yml`);
    expect(config.rule_files.map((file) => files.get(file))).toEqual([`${folder}/alerts.yaml`]);
    const checked = await runTool('promtool', ['check', 'config', '--syntax-only', `${folder}/prometheus.yml`]);
    expect(checked).toMatchObject({ code: 0 });
  });

  it('reads every pod of the app, by the name and the port of a headless Service', () => {
    const { metadata, spec } = named('Service', 'cache-demo-app-pods');
    const [scraped] = config.scrape_configs;
    expect(scraped?.dns_sd_configs).toMatchObject([
      { names: [`${metadata.name}.${metadata.namespace}.svc`], type: 'A', port: spec.ports[0]?.port },
    ]);
    const app = named('Deployment', 'cache-demo-app');
    expect(metadata.namespace).toBe(app.metadata.namespace);
    // Addresses of pods: the port is the container's.
    expect(spec).toMatchObject({ clusterIP: 'None', selector: app.spec.template.metadata.labels });
    expect(containerOf('cache-demo-app').ports).toMatchObject([{ containerPort: spec.ports[0]?.port }]);
  });

  it('names the job that the alerts know', () => {
    const jobs = alerts.flatMap(({ expr }) => [...expr.matchAll(/job="([^"]*)"/g)].map(([, job]) => job));
    expect(new Set(jobs)).toEqual(new Set(config.scrape_configs.map((one) => one.job_name)));
  });

  it('keeps less than its volume may hold', () => {
    const { volumes = [], containers } = named('Deployment', 'prometheus').spec.template.spec;
    const [megabytes] = args.flatMap((arg) => /^--storage\.tsdb\.retention\.size=(\d+)MB$/.exec(arg)?.[1] ?? []);
    expect(Number(megabytes)).toBeLessThanOrEqual(0.75 * 1_024);
    expect(volumes).toContainEqual({ name: 'data', emptyDir: { sizeLimit: '1Gi' } });
    expect(containers[0].volumeMounts).toContainEqual({ name: 'data', mountPath: '/prometheus' });
    expect(args).toContain('--storage.tsdb.path=/prometheus');
  });

  it('answers Grafana alone', () => {
    expect(named('NetworkPolicy', 'prometheus').spec).toMatchObject({
      podSelector: { matchLabels: { app: 'prometheus' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'grafana' } } }], ports: [{ port: 9090 }] }],
    });
  });
});

describe('Grafana', () => {
  const files = mountedIn('grafana');

  it('asks this Prometheus, and knows how often that reads', async () => {
    const file = files.get('/etc/grafana/provisioning/datasources/datasources.yaml') ?? '';
    const { datasources } = parse(await textOf(file)) as { datasources: unknown[] };
    const { global } = parse(await textOf(`${folder}/prometheus.yml`)) as { global: { scrape_interval: string } };
    const url = `http://${named('Service', 'prometheus').metadata.name}:${named('Service', 'prometheus').spec.ports[0]?.port}`;
    const jsonData = { timeInterval: global.scrape_interval };
    expect(datasources).toMatchObject([{ type: 'prometheus', url, isDefault: true, jsonData }]);
  });

  it('opens with the dashboard', async () => {
    const file = files.get('/etc/grafana/provisioning/dashboards/dashboards.yaml') ?? '';
    const { providers } = parse(await textOf(file)) as { providers: { options: { path: string } }[] };
    const home = environmentOf('grafana')['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    expect(files.get(home)).toBe(`${folder}/dashboard.json`);
    expect(providers.map(({ options }) => options.path)).toEqual([dirname(home)]);
  });

  it('has no account whose password is known, and shows everyone the dashboard to look at', () => {
    expect(environmentOf('grafana')).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
  });
});
