#!/usr/bin/env bash
# Checks what the image contains and how it behaves: test/deploy/image.sh [IMAGE]
#
# The image must be built before (podman build -t cache-demo-app:latest .). It runs without a network, on a read-only
# root file system and without any capability, with an unreachable database: it must start and answer nevertheless.
# CONTAINER=docker or podman, or any command that takes the same arguments.
set -euo pipefail

image=${1:-cache-demo-app:latest}
container=${CONTAINER:-podman}
name=cachepot-image-$$

say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; exit 1; }
inside() { $container run --rm --network none --entrypoint sh "$image" -c "$1"; }
trap '$container rm -f "$name" >/dev/null 2>&1 || true' EXIT

[ "$(inside 'id -u')" != 0 ] || fail 'it runs as root'
for package in embedded-postgres @embedded-postgres vitest typescript oxlint prettier playwright-core yaml graphiql @graphiql/react react monaco-editor vite axe-core; do
  inside "[ ! -e node_modules/$package ]" || fail "$package is in the image"
done
[ -z "$(inside 'find /app -name "*.map" -o -name "*.ts" | head -1')" ] || fail 'source maps or TypeScript are in the image'
[ -z "$(inside 'find /app -writable -not -type l | head -1')" ] || fail 'the program may change its own files'
say 'holds nothing that does not run; runs as an ordinary user'

$container run -d --name "$name" --network none --read-only --cap-drop all --security-opt no-new-privileges \
  -e DATABASE_URL=postgres://demo:demo@127.0.0.1:1/demodb -e REDIS_URL=redis://127.0.0.1:1 "$image" >/dev/null
for ((tries = 0; tries < 100; tries += 1)); do
  $container exec "$name" node -e 'fetch("http://127.0.0.1:8000/livez").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' && break
  sleep 0.1
done
((tries < 100)) || { $container logs "$name"; fail 'no answer within ten seconds'; }
say 'answers on a read-only root file system without capabilities'

$container stop --time 15 "$name" >/dev/null
[ "$($container inspect --format '{{.State.ExitCode}}' "$name")" = 0 ] || { $container logs "$name"; fail 'SIGTERM did not end it in order'; }
say 'ends in order on SIGTERM'

say 'largest parts, in kB:'
inside 'du -sk node_modules dist; du -sk node_modules/* node_modules/@*/* | sort -rn | grep -v "@[a-z-]*$" | head -8'
