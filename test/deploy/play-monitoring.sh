#!/usr/bin/env bash
# Runs the Prometheus of manifests/monitoring with podman, beside a shop on this machine: test/deploy/play-monitoring.sh
#
# Needs podman (tested with 4.3.1), `npm ci`, curl, the port 8000, and the image that the manifest names. Without a registry, a
# stand-in with Debian's own program will do. Takes a minute. All that it creates is named cachepot-play-… and removed at
# the end. podman-pod.mjs lists what differs from the manifest. Grafana is not run.
# CONTAINER=podman, or a command that takes the same arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."

container=${CONTAINER:-podman}
. test/deploy/playing.sh
network=${prefix}monitoring
pod=${prefix}prometheus
log=$(mktemp)
shop=

on_exit() {
  local code=$?
  ((code == 0)) || { say '--- shop'; tail -20 "$log"; say '--- Prometheus'; $container logs --tail 20 "$pod-prometheus" 2>&1 || true; }
  [ -z "$shop" ] || { kill "$shop" && wait "$shop"; } 2>/dev/null || true
  remove "$network" "$pod"
  rm -f "$log"
}
trap on_exit EXIT

remove "$network" "$pod"
create_network "$network"
prometheus=http://$subnet.204:9090
# The value of the first sample of an expression.
value() { curl -fsS "$prometheus/api/v1/query" --data-urlencode "query=$1" | sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p'; }
is() { [ "$(value "$1")" = "$2" ]; }

HOST=0.0.0.0 PORT=8000 SIMULATED_LATENCY=off node dist/src/main.js >"$log" 2>&1 & shop=$!
until_true 'the shop is not ready' curl -fsS http://127.0.0.1:8000/readyz

node test/deploy/podman-pod.mjs monitoring/prometheus "$prefix" "cache-demo-app=$subnet.1" |
  $container kube play --network "$network:ip=$subnet.204" - >/dev/null || fail 'Prometheus cannot be played'
until_true 'Prometheus is not ready' curl -fsS "$prometheus/-/ready"
say 'Prometheus runs as its own account, on a read-only root file system'

until_true 'Prometheus does not read the shop' is up 1
until_true 'the shop has no metrics' is 'count(cachepot_build_info)' 1
rules=$(curl -fsS "$prometheus/api/v1/rules" | grep -o '"type":"alerting"' | wc -l)
[ "$rules" = "$(grep -c 'alert:' manifests/monitoring/alerts.yaml)" ] || fail "it has $rules alerts"
curl -fsS "$prometheus/api/v1/rules" | grep -q '"health":"err"' && fail 'an alert cannot be evaluated'
say "it reads the shop, and evaluates $rules alerts"

kill "$shop"; wait "$shop" 2>/dev/null || true
shop=
until_true 'Prometheus does not notice that the shop is gone' is up 0
say 'it notices that the shop is gone'

$container stop --time 30 "$pod-prometheus" >/dev/null
[ "$($container inspect --format '{{.State.ExitCode}}' "$pod-prometheus")" = 0 ] || fail 'SIGTERM did not end it in order'
say 'it ended in order on SIGTERM'
