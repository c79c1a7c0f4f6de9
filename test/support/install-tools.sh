#!/bin/sh
# Installs what the tests need on Debian and its like, without starting services: the tests start their own.
set -eu

# policy-rc.d is how Debian asks whether a package may start its service; 101 says no. One that is there is kept.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server pgbouncer openssl chromium fonts-dejavu-core
