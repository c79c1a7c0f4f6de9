#!/bin/sh
# Installs what the tests need on Debian-based systems, without starting services: the tests start their own.
set -eu

# Debian calls policy-rc.d to learn whether a package may start its service; 101 forbids it. An existing file is kept.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server pgbouncer openssl prometheus chromium fonts-dejavu-core
