/**
 * node test/deploy/podman-pod.mjs NAME PREFIX [HOST=ADDRESS…]: the Deployment of manifests/NAME.yaml as
 * `podman kube play` takes it: one Pod, with what it mounts, under names that begin with PREFIX. Containers, images,
 * arguments, environment, mounts, security and resources are the manifest's own. Changed is what podman 4.3 cannot play:
 *
 * - Values of Secrets are put into the environment: podman 4.3 stores a Secret as YAML and then reads it as JSON.
 * - Probes are taken out: podman turns an httpGet into `curl` inside the container, which has none, knows no readiness,
 *   and needs systemd to ask at all. play.sh asks in their stead.
 * - Ports are taken out: podman 4.3 would occupy them on the host.
 * - Restarts are left to play.sh, which wants to see what an outage of some seconds does.
 * - Services, NetworkPolicies, budgets, the namespace and preStop mean nothing to podman; nothing here shows that the
 *   policies hold. As a Service would, the given addresses stay the same and have names, in /etc/hosts: podman's own DNS
 *   (aardvark 1.4) leaves a query unanswered for 40 s now and then. A second container that only sleeps keeps a pod's
 *   address while the first is dead, so that a connection is refused, as by a Service that has no pod.
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
// Podman makes volumes of all that is mounted, with names that the whole machine shares.
for (const volume of spec.volumes ?? []) {
  volume.name = prefix + volume.name;
  if (volume.persistentVolumeClaim)
    volume.persistentVolumeClaim.claimName = prefix + volume.persistentVolumeClaim.claimName;
  if (volume.configMap) volume.configMap.name = prefix + volume.configMap.name;
}
for (const mount of spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)) mount.name = prefix + mount.name;
const texts = own.filter(({ kind }) => kind === 'ConfigMap');
for (const document of texts) document.metadata.name = prefix + document.metadata.name;

spec.containers.push({ name: 'hold', image: 'cache-demo-app:latest', command: ['sleep', 'infinity'] });
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: prefix + name, labels: metadata.labels },
  spec: { ...spec, restartPolicy: 'Never', hostAliases: hosts.map(aliasOf) },
};
process.stdout.write([...texts, pod].map((document) => stringify(document)).join('---\n'));

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
