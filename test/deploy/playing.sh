# What the play scripts share: sourced by them, with $container set. All that they create is named cachepot-play-….
prefix=cachepot-play-

say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; exit 1; }

until_true() { # WHAT COMMAND...
  local what=$1 tries; shift
  for ((tries = 0; tries < 300; tries += 1)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  fail "$what within a minute"
}

remove() { # NETWORK POD...
  local network=$1 pod; shift
  for pod in "$@"; do $container pod rm -f -t 0 "$pod" >/dev/null 2>&1 || true; done
  $container volume ls -q | grep "^$prefix" | xargs -r "$container" volume rm -f >/dev/null 2>&1 || true
  $container network rm -f "$network" >/dev/null 2>&1 || true
}

# Creates the network; $subnet is then the first three parts of its addresses.
create_network() { # NETWORK
  $container network create "$1" >/dev/null
  subnet=$($container network inspect "$1" --format '{{(index .Subnets 0).Subnet}}')
  subnet=${subnet%.*}
}
