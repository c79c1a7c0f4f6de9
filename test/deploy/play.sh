#!/usr/bin/env bash
# Runs the manifests with podman, and simulates outages: test/deploy/play.sh
#
# Needs podman (tested with 4.3.1), `npm ci`, and the image (podman build -t cache-demo-app:latest .). The containers
# are those of manifests/ with their arguments, environment, mounts, accounts, read-only root file systems and limits;
# podman-pod.mjs lists what podman does not support. Takes two minutes. All that it creates is named cachepot-play-… and
# removed at the end.
# CONTAINER=podman, or a command that takes the same arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."

container=${CONTAINER:-podman}
. test/deploy/playing.sh
network=${prefix}network
image=cache-demo-app:latest
first_answer_ms_max=5000
outage_s=5
rows=$(mktemp)

now() { date +%s%3N; }
of() { printf '%s%s-%s' "$prefix" "$1" "$1"; } # the container of a pod: both have the manifest's name
in_postgres() { $container exec "$(of postgres)" sh -c "PGPASSWORD=\$POSTGRES_PASSWORD psql -h 127.0.0.1 -U \$POSTGRES_USER -d \$POSTGRES_DB -Atqc \"$1\""; }
client() { $container run --rm -i --network "$network" --add-host "cache-demo-app:$subnet.203" "$image" node --input-type=module - "$@" <test/deploy/play-client.mjs; }

remove_all() { remove "$network" "${prefix}app" "${prefix}redis" "${prefix}postgres"; }
on_exit() {
  local code=$?
  ((code == 0)) || for name in postgres redis app; do say "--- $name"; $container logs --tail 20 "$(of "$name")" 2>&1 || true; done
  remove_all
  rm -f "$rows"
}
trap on_exit EXIT

play() { # NAME, and the last part of its address, which is constant like that of a Service
  node test/deploy/podman-pod.mjs "$1" "$prefix" "postgres=$subnet.201" "redis=$subnet.202" |
    $container kube play --network "$network:ip=$subnet.$2" - >/dev/null 2>"$rows" || { cat "$rows"; fail "$1 cannot be played"; }
}
# The readiness probes of the manifests, which podman does not run.
until_up() { # NAME COMMAND...
  local name=$1; shift
  until_true "$name is not ready" "$container" exec "$(of "$name")" "$@"
}
until_postgres() { until_up postgres pg_isready -q -h 127.0.0.1 -U demo -d demodb; }
until_redis() { until_up redis redis-cli -e ping; }

# A load of 14 s. The command TAKE stops the container after 3 s, and BRING continues it 5 s later.
outage() { # NAME TAKE BRING
  local name=$1 take=$2 bring=$3 load down up
  client load 14 >"$rows" & load=$!
  sleep 3
  down=$(now); $container "$take" "$(of "$name")" >/dev/null
  sleep "$outage_s"
  up=$(now); $container "$bring" "$(of "$name")" >/dev/null
  wait "$load"
  node test/deploy/play-client.mjs judge "$rows" "$name" "$down" "$up"
}

remove_all
create_network "$network"
play postgres 201; play redis 202
until_postgres; until_redis
[ "$(in_postgres 'select count(*) from reviews')" = 5000 ] || fail 'the sample data is not there'
[ -z "$($container exec "$(of redis)" redis-cli config get save | sed -n 2p)" ] || fail 'Redis writes snapshots'
say 'PostgreSQL (filled from the ConfigMap) and Redis run as their own accounts, on read-only root file systems'

client first >"$rows" & first=$!
play app 203
wait "$first"; answered=$(tail -1 "$rows")
started=$($container inspect --format '{{.State.StartedAt.UnixMilli}}' "$(of app)")
say "the app's first answer: $((answered - started)) ms after its container's start, at the CPU limit of the manifest"
((answered - started <= first_answer_ms_max)) || fail "that is more than $first_answer_ms_max ms"
client ready
say 'the app is ready; Compare, run twice:'
client compare

say "Redis killed for $outage_s s:"
outage redis kill start
say "Redis hung for $outage_s s:"
outage redis pause unpause
say "PostgreSQL killed for $outage_s s:"
outage postgres kill start
say "PostgreSQL hung for $outage_s s:"
outage postgres pause unpause

in_postgres "update products set stock = 4711 where id = 1"
$container pod rm -f -t 0 "${prefix}postgres" "${prefix}redis" >/dev/null 2>&1
play postgres 201; play redis 202
until_postgres; until_redis
[ "$(in_postgres 'select stock from products where id = 1')" = 4711 ] || fail 'what was written is gone'
[ "$($container exec "$(of redis)" redis-cli dbsize)" = 0 ] || fail 'Redis kept something'
# The address is the same, but the network card is not: unlike with a Service, the app's host takes seconds to notice.
for ((tries = 1; ; tries += 1)); do
  client compare >"$rows" 2>&1 && break
  ((tries < 20)) || { cat "$rows"; fail 'the app did not find the new pods'; }
  sleep 1
done
say 'pods of PostgreSQL and Redis replaced: what was written is there, the cache began empty, the app found both'

$container stop --time 30 "$(of app)" >/dev/null
[ "$($container inspect --format '{{.State.ExitCode}}' "$(of app)")" = 0 ] || fail 'SIGTERM did not end the app in order'
say 'the app ended in order on SIGTERM'
