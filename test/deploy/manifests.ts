/** The manifests of manifests/ as objects. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

interface Probe {
  httpGet?: { path: string; port: string };
  exec?: { command: string[] };
}
interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string } };
}
interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  args?: string[];
  env?: Variable[];
  ports: { name: string; containerPort: number }[];
  securityContext: unknown;
  resources: unknown;
  volumeMounts?: { name: string; mountPath: string }[];
  startupProbe: Probe;
  readinessProbe: Probe;
  livenessProbe: Probe;
  lifecycle?: { preStop: { exec: { command: [string, string] } } };
}
interface PodSpec {
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: Record<string, unknown>;
  containers: [Container];
  volumes?: Record<string, unknown>[];
}
interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  spec: {
    replicas: number;
    strategy: unknown;
    selector: unknown;
    type?: string;
    ports: { port: number; targetPort: string }[];
    podSelector: unknown;
    ingress: unknown;
    maxUnavailable?: number;
    template: { metadata: { labels: Record<string, string> }; spec: PodSpec };
  };
}

export const root = join(import.meta.dirname, '../..');
/** In the order in which they are applied. */
export const files = ['namespace.yaml', 'postgres.yaml', 'redis.yaml', 'app.yaml'];
export const manifests = (await Promise.all(files.map(manifestsIn))).flat();
/** Of manifests/monitoring, besides what kustomize generates. */
export const monitoringFiles = ['namespace.yaml', 'app-pods.yaml', 'prometheus.yaml', 'grafana.yaml'];
export const monitoring = (await Promise.all(monitoringFiles.map((file) => manifestsIn(`monitoring/${file}`)))).flat();

export function textOf(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

export function namesOf(kind: string): string[] {
  return manifests.filter((manifest) => manifest.kind === kind).map(({ metadata }) => metadata.name);
}

export function named(kind: string, name: string): Manifest {
  const found = [...manifests, ...monitoring].find(
    (manifest) => manifest.kind === kind && manifest.metadata.name === name,
  );
  if (found === undefined) throw new Error(`manifests/ has no ${kind} ${name}`);
  return found;
}

export function containerOf(name: string): Container {
  return named('Deployment', name).spec.template.spec.containers[0];
}

/** The variables that the container gets, including those from Secrets. */
export function environmentOf(name: string): Record<string, string | undefined> {
  const variables = containerOf(name).env ?? [];
  return Object.fromEntries(variables.map((variable) => [variable.name, variable.value ?? secretOf(variable)]));
}

function secretOf({ name, valueFrom }: Variable): string {
  const { name: secret = '', key = '' } = valueFrom?.secretKeyRef ?? {};
  const value = named('Secret', secret).stringData?.[key];
  if (value === undefined) throw new Error(`${name}: the Secret ${secret} has no ${key}`);
  return value;
}

async function manifestsIn(file: string): Promise<Manifest[]> {
  return parseAllDocuments(await textOf(`manifests/${file}`)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}
