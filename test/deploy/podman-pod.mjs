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
 *   the first is down, so that a connection is refused, as by a Service without a pod.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const [name = '', prefix = '', ...hosts] = process.argv.slice(2);
const folder = join(import.meta.dirname, '../../manifests');

const files = ['postgres', 'redis', 'app'];
const documents = Object.fromEntries(await Promise.all(files.map(async (file) => [file, await documentsOf(file)])));
const secrets = Object.values(documents)
  .flat()
  .filter(({ kind }) => kind === 'Secret');

const own = documents[name];
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

spec.containers.push({ name: 'hold', image: 'cache-demo-app:latest', command: ['sleep', 'infinity'] });
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: prefix + name, labels: metadata.labels },
  spec: { ...spec, restartPolicy: 'Never', hostAliases: hosts.map(aliasOf) },
};
process.stdout.write([...configMaps, pod].map((document) => stringify(document)).join('---\n'));

async function documentsOf(file) {
  return parseAllDocuments(await readFile(join(folder, `${file}.yaml`), 'utf8')).map((document) => document.toJS());
}

function valueOf({ name: secret, key }) {
  return secrets.find(({ metadata: { name: found } }) => found === secret).stringData[key];
}

function aliasOf(host) {
  const [hostname, ip] = host.split('=');
  return { ip, hostnames: [hostname] };
}
