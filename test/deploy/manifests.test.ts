/**
 * Checks manifests/: the names and limits of the contract, the restricted profile, and what they share with the code.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { containerOf, environmentOf, files, manifests, named, namesOf, root, textOf } from './manifests.ts';

const names = ['postgres', 'redis', 'cache-demo-app'];

describe('the manifests', () => {
  it('are all that kustomize applies, in this order', async () => {
    const { resources } = parse(await textOf('manifests/kustomization.yaml')) as { resources: string[] };
    expect(resources).toEqual(files);
    expect((await readdir(join(root, 'manifests'))).toSorted()).toEqual(
      [...files, 'kustomization.yaml', 'monitoring'].toSorted(),
    );
  });

  it('are in redis-demo, a namespace that enforces the restricted profile', () => {
    const [namespace, ...others] = manifests;
    expect(namespace).toMatchObject({ kind: 'Namespace', metadata: { name: 'redis-demo' } });
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['redis-demo']));
  });

  it('deploy PostgreSQL, Redis and the app, each behind a Service of its name', () => {
    expect(namesOf('Deployment')).toEqual(names);
    expect(namesOf('Service')).toEqual(names);
    for (const name of names) {
      const { template } = named('Deployment', name).spec;
      expect(template.metadata.labels).toEqual({ app: name });
      expect(named('Deployment', name).spec.selector).toEqual({ matchLabels: { app: name } });
      expect(named('Service', name).spec.selector).toEqual({ app: name });
    }
  });

  it.each([
    ['postgres', 'postgres:16-alpine', 5432, ['128Mi', '100m'], ['256Mi', '500m']],
    ['redis', 'redis:7-alpine', 6379, ['64Mi', '50m'], ['128Mi', '200m']],
    ['cache-demo-app', 'cache-demo-app:latest', 8000, ['128Mi', '100m'], ['256Mi', '500m']],
  ])('give %s its image, port, requests and limits', (name, image, port, [memory, cpu], [memoryMax, cpuMax]) => {
    const { image: found, ports, resources } = containerOf(name);
    expect(found).toBe(image);
    expect(ports).toMatchObject([{ containerPort: port }]);
    expect(named('Service', name).spec.ports).toMatchObject([{ port, targetPort: ports[0]?.name }]);
    expect(resources).toEqual({ requests: { memory, cpu }, limits: { memory: memoryMax, cpu: cpuMax } });
  });
});

describe.each([...names, 'prometheus', 'grafana'])('the pod of %s', (name) => {
  const { spec } = named('Deployment', name).spec.template;
  const [container] = spec.containers;

  it('satisfies the restricted profile, with a read-only root file system and no token of the cluster', () => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.securityContext['runAsUser']).toBeGreaterThan(0);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(spec)).not.toMatch(/hostPath|hostNetwork|hostPID|hostPort|privileged/);
  });

  it('has one container, with startup, readiness and liveness probes', () => {
    expect(spec.containers).toHaveLength(1);
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe])
      expect(probe.exec ?? probe.httpGet).toBeDefined();
  });

  it('mounts exactly the volumes that it declares', () => {
    const declared = (spec.volumes ?? []).map((volume) => volume['name']);
    expect(new Set((container.volumeMounts ?? []).map((mount) => mount.name))).toEqual(new Set(declared));
  });
});

describe('PostgreSQL', () => {
  it('is filled from the files of sql/, in their order (npm run manifests)', async () => {
    const sql = (await readdir(join(root, 'sql'))).toSorted();
    const texts = await Promise.all(sql.map(async (file) => [file, await textOf(`sql/${file}`)]));
    expect(named('ConfigMap', 'postgres-sql').data).toEqual(Object.fromEntries(texts));
    expect(Object.keys(named('ConfigMap', 'postgres-sql').data ?? {})).toEqual(sql);
  });

  it('keeps its data on a claimed volume that two servers never share', () => {
    const { strategy, template } = named('Deployment', 'postgres').spec;
    const { name: volume, mountPath } = containerOf('postgres').volumeMounts?.[0] ?? {};
    expect(template.spec.volumes).toContainEqual({
      name: volume,
      persistentVolumeClaim: { claimName: 'postgres-data' },
    });
    expect(namesOf('PersistentVolumeClaim')).toEqual(['postgres-data']);
    expect(environmentOf('postgres')['PGDATA']).toMatch(new RegExp(`^${mountPath}/`));
    expect(strategy).toEqual({ type: 'Recreate' });
  });

  it('has the database demodb and the user demo, with the password that the app uses', () => {
    const postgres = environmentOf('postgres');
    const app = environmentOf('cache-demo-app');
    const { username, hostname, port, pathname, password } = new URL(app['DATABASE_URL'] ?? '');
    expect(postgres).toMatchObject({ POSTGRES_DB: 'demodb', POSTGRES_USER: 'demo' });
    expect([username, hostname, port, pathname, password]).toEqual(['demo', 'postgres', '5432', '/demodb', '']);
    expect(app['PGPASSWORD']).toBe(postgres['POSTGRES_PASSWORD']);
    expect(app['PGPASSWORD']).not.toBe('');
  });
});

describe('Redis', () => {
  it('has a memory limit, evicts by LRU, and writes nothing to disk', () => {
    const { args, volumeMounts } = containerOf('redis');
    const command = ['redis-server', '--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'];
    expect(args).toEqual([...command, '--save', '', '--appendonly', 'no']);
    expect(volumeMounts).toBeUndefined();
  });
});

describe('the app', () => {
  const container = containerOf('cache-demo-app');
  const environment = environmentOf('cache-demo-app');

  it('uses a local image if there is one, and is reached through a NodePort', () => {
    expect(container.imagePullPolicy).toBe('IfNotPresent');
    expect(named('Service', 'cache-demo-app').spec.type).toBe('NodePort');
  });

  it('has a valid configuration', () => {
    expect(readConfig(environment)).toMatchObject({
      databaseUrl: 'postgres://demo@postgres:5432/demodb',
      redisUrl: 'redis://redis:6379',
      cacheTtlMs: 60_000,
      cacheMemoryBytesMax: 32 * 1024 * 1024,
      simulatesLatency: true,
      hasConsole: true,
      adminToken: undefined,
    });
  });

  it('has no undocumented variable', async () => {
    const known = [...(await documentedVariables()), 'PGPASSWORD'];
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('has the port and the user of its image, and its probes use that port', async () => {
    const containerfile = await textOf('Containerfile');
    const [, port] = /^ENV .*\bPORT=(\d+)/m.exec(containerfile) ?? [];
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(port) }]);
    const [, user] = /^USER (\d+):\d+$/m.exec(containerfile) ?? [];
    const { securityContext } = named('Deployment', 'cache-demo-app').spec.template.spec;
    expect(securityContext['runAsUser']).toBe(Number(user));
    expect(container.startupProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
  });

  it('is replaced without downtime: a new pod first, and time for the old one to shut down', async () => {
    const { strategy, template } = named('Deployment', 'cache-demo-app').spec;
    expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    const [command, preStop] = container.lifecycle?.preStop.exec.command ?? [];
    expect(command).toBe('sleep');
    const [, deadlineSeconds] = /^const deadlineMs = (\d+)_000;$/m.exec(await textOf('src/server/shutdown.ts')) ?? [];
    expect(Number(deadlineSeconds)).toBeGreaterThan(0);
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(preStop) + Number(deadlineSeconds));
  });

  it('never prevents draining a node, even with one replica', () => {
    expect(named('Deployment', 'cache-demo-app').spec.replicas).toBe(1);
    expect(named('PodDisruptionBudget', 'cache-demo-app').spec).toMatchObject({
      maxUnavailable: 1,
      selector: { matchLabels: { app: 'cache-demo-app' } },
    });
  });

  it.each([
    ['postgres', 5432],
    ['redis', 6379],
  ])('is the only client of %s, which may not connect anywhere', (name, port) => {
    expect(named('NetworkPolicy', name).spec).toEqual({
      podSelector: { matchLabels: { app: name } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { app: 'cache-demo-app' } } }],
          ports: [{ protocol: 'TCP', port }],
        },
      ],
      egress: [],
    });
  });
});

/** The variables in the first column of the table under Configuration. */
async function documentedVariables(): Promise<string[]> {
  const [, section = ''] = /\n## Configuration\n([^]*)/.exec(await textOf('docs/shop.md')) ?? [];
  const rows = [...section.matchAll(/^\| (`[^|]*`) +\|/gm)];
  return rows.flatMap(([, list = '']) => [...list.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name));
}
