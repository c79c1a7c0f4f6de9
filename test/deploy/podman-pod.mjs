/**
 * node test/deploy/podman-pod.mjs NAME PREFIX [HOST=ADDRESS…]: prints the Deployment of manifests/NAME.yaml for
 * `podman kube play`: one Pod, and what it mounts, with names that begin with PREFIX. Containers, images, arguments,
 * environment, mounts, security and resources are those of the manifest. Changed is what podman 4.3 does not support:
 *
 * - Values of Secrets are put into the environment: podman 4.3 stores a Secret as YAML and then reads it as JSON.
 * - Probes are removed: podman turns an httpGet into `curl` inside the container, which has none, has no readiness
 *   probes, and needs systemd to run any. play.sh probes instead.
 * - Ports are removed: podman 4.3 would bind them on the host.
 * - Restarts are left to play.sh, which tests outages of some seconds.
 * - Podman ignores Services, NetworkPolicies, budgets, the namespace and preStop, so the policies are not tested here.
 *   Like those of Services, the given addresses are constant and have names, in /etc/hosts: podman's own DNS (aardvark
 *   1.4) sometimes leaves a query unanswered for 40 s. A second container that only sleeps keeps a pod's address while
 *   the first is down, so that a connection is refused, as by a Service without a pod. Those of monitoring have none.
 * - Of manifests/monitoring: what kustomize generates is made here. Prometheus gets the app's address in its
 *   configuration, where it would ask the cluster's DNS for those of the pods.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';

const [name = '', prefix = '', ...hosts] = process.argv.slice(2);
const folder = join(import.meta.dirname, '../../manifests');

const files = ['postgres', 'redis', 'app'];
const documents = Object.fromEntries(await Promise.all(files.map(async (file) => [file, await documentsOf(file)])));
const secrets = Object.values(documents)
  .flat()
  .filter(({ kind }) => kind === 'Secret');

const own = documents[name] ?? [...(await generatedBy(dirname(name))), ...(await documentsOf(name))];
const { spec, metadata } = own.find(({ kind }) => kind === 'Deployment').spec.template;
for (const container of spec.containers) {
  for (const part of ['startupProbe', 'readinessProbe', 'livenessProbe', 'lifecycle', 'ports']) delete container[part];
  container.env = container.env?.map(({ name: variable, value, valueFrom }) => ({
    name: variable,
    value: value ?? valueOf(valueFrom.secretKeyRef),
  }));
}
// Podman creates a volume for each mount, with a name that is global on the machine.
for (const volume of spec.volumes ?? []) {
  volume.name = prefix + volume.name;
  if (volume.persistentVolumeClaim)
    volume.persistentVolumeClaim.claimName = prefix + volume.persistentVolumeClaim.claimName;
  if (volume.configMap) volume.configMap.name = prefix + volume.configMap.name;
}
for (const mount of spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)) mount.name = prefix + mount.name;
const configMaps = own.filter(({ kind }) => kind === 'ConfigMap');
for (const document of configMaps) document.metadata.name = prefix + document.metadata.name;

if (own === documents[name])
  spec.containers.push({ name: 'hold', image: 'cache-demo-app:latest', command: ['sleep', 'infinity'] });
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: prefix + basename(name), labels: metadata.labels },
  spec: { ...spec, restartPolicy: 'Never', hostAliases: hosts.map(aliasOf) },
};
process.stdout.write([...configMaps, pod].map((document) => stringify(document)).join('---\n'));

async function documentsOf(file) {
  return parseAllDocuments(await readFile(join(folder, `${file}.yaml`), 'utf8')).map((document) => document.toJS());
}

/** The ConfigMaps that kustomize makes of the files in a folder. */
async function generatedBy(part) {
  const { configMapGenerator } = parse(await readFile(join(folder, part, 'kustomization.yaml'), 'utf8'));
  return Promise.all(
    configMapGenerator.map(async ({ name: configMap, files: from }) => {
      const data = await Promise.all(from.map(async (file) => [basename(file), await fileOf(part, file)]));
      const head = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: configMap } };
      return { ...head, data: Object.fromEntries(data) };
    }),
  );
}

async function fileOf(part, file) {
  const text = await readFile(join(folder, part, file), 'utf8');
  if (file !== 'prometheus.yml') return text;
  const config = parse(text);
  for (const scraped of config.scrape_configs) {
    scraped.static_configs = scraped.dns_sd_configs.map(({ port }) => ({ targets: [`cache-demo-app:${port}`] }));
    delete scraped.dns_sd_configs;
  }
  return stringify(config);
}

function valueOf({ name: secret, key }) {
  return secrets.find(({ metadata: { name: found } }) => found === secret).stringData[key];
}

function aliasOf(host) {
  const [hostname, ip] = host.split('=');
  return { ip, hostnames: [hostname] };
}
