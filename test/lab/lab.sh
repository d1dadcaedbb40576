#!/bin/bash
# Disposable Docker hosts on this machine, for the tests and for people: each is a real dockerd in a network and a mount
# namespace of its own, so that its bridges, veths, rules and sysctls are its own and the machine's network stays as it is.
# Beside each stands one "outside" machine that plays the Internet. test/lab/README.md has the picture and the addresses.
set -euo pipefail

usage() {
  cat <<'X'
lab.sh                               start the host "lab" with its scene and say what to try      (= lab.sh try lab local)
lab.sh try NAME [ENGINE]             the same with a name and an engine of your choice
lab.sh up NAME [ENGINE]              start a host; ENGINE: 20.10, 26.1, 28.5, or local = the dockerd of this machine's distribution
           [--owner PID]             ... that ends by itself when process PID ends
           [--beside OTHER]          ... on the outside network of host OTHER, as 203.0.113.3 and on
lab.sh ensure NAME ENGINE --owner PID [--beside OTHER] [scene] [scene6] [swarm]    for the tests: up with its scenes, unless it is already
lab.sh swarm NAME                    one swarm of NAME and the host beside which it stands, with overlay networks and containers
lab.sh scene NAME                    networks and containers to look at
lab.sh scene6 NAME                   an IPv6 network, two containers in it, and an IPv6 address outside
lab.sh sh NAME CMD...                run CMD inside the host (its network, its /sys, DOCKER_HOST set); no CMD: a shell
lab.sh out NAME CMD...               run CMD on the outside machine
lab.sh in NAME CONTAINER CMD...      run CMD in the network namespace of CONTAINER
lab.sh env NAME                      DOCKER_HOST, NETNS, OUTSIDE, ANCHOR (a process inside), DIR, ENGINE
lab.sh dockerd NAME stop|start       the daemon only; the host stays
lab.sh down NAME                     end it and everything in it
lab.sh list | sweep | prepare ENGINE list hosts | end those whose owner is gone | fetch an engine beforehand
X
}

LAB=${VETHSCOPE_LAB:-/var/tmp/vethscope-lab}
SELF=$(readlink -f "${BASH_SOURCE[0]}")
HOSTS=$LAB/hosts

fail() { echo "lab: $*" >&2; exit 1; }
note() { echo "lab: $*" >&2; }

# shellcheck source=lab-engine.sh
. "${SELF%/*}/lab-engine.sh"
# shellcheck source=lab-scene.sh
. "${SELF%/*}/lab-scene.sh"
# shellcheck source=lab-swarm.sh
. "${SELF%/*}/lab-swarm.sh"

# --- Processes --------------------------------------------------------------------------------------------------------

# Field 22 of /proc/PID/stat, counted behind the last ")" as the name may hold blanks: with it a PID is not mistaken when reused.
start_time() { local stat; stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1; set -- ${stat##*) }; echo "${20}"; }
stamp() { echo "$1 $(start_time "$1")"; }
alive() { [ $# -eq 2 ] && [ "$(start_time "$1" || true)" = "$2" ]; }

# Every process of host NAME: those whose mount namespace is a private one and shows the host's folder (dockerd, containerd,
# shims, proxies, containers, whatever was run inside), and those in its two network namespaces.
processes_of() {
  local dir=$HOSTS/$1 mine first pid ns
  mine=$(readlink /proc/self/ns/mnt); first=$(readlink /proc/1/ns/mnt || true)
  for pid in /proc/[0-9]*; do
    ns=$(readlink "$pid/ns/mnt" 2>/dev/null) || continue
    [ -n "$ns" ] && [ "$ns" != "$mine" ] && [ "$ns" != "$first" ] || continue
    if grep -qF "$dir/" "$pid/mountinfo" 2>/dev/null; then echo "${pid#/proc/}"; fi
  done
  for ns in "$(netns_of "$1")" "$(netns_of "$1")-out"; do [ ! -e "/run/netns/$ns" ] || ip netns pids "$ns" 2>/dev/null || true; done
}

end_processes() {
  local pids round
  for round in $(seq 100); do
    pids=$(processes_of "$1" | sort -un | grep -vx "$$" || true)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    sleep 0.05
  done
  note "still running in $1: $pids"
}

# --- A host -----------------------------------------------------------------------------------------------------------

netns_of() { echo "vlab-$1"; }
# The namespace of a host's outside machine: its own, or that of the host beside which it stands.
outside_of() { echo "$(netns_of "$(cat "$HOSTS/$1/beside" 2>/dev/null || echo "$1")")-out"; }

check_name() {
  [[ $1 =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || fail "a host's name is at most 31 small letters, digits and hyphens, not: $1"
}

require_up() {
  check_name "$1"
  local anchor; anchor=$(cat "$HOSTS/$1/anchor" 2>/dev/null || true)
  # shellcheck disable=SC2086
  alive $anchor || fail "no host $1 is up (lab.sh list; lab.sh up $1)"
}

network() {
  local host out; host=$(netns_of "$1"); out=$(outside_of "$1")
  ip netns add "$host"
  if [ -e "$HOSTS/$1/beside" ]; then plug_beside "$host" "$out"; else plug "$host" "$out"; fi
  # A new namespace inherits some settings from the machine (devconf_inherit_init_net): bring them to the kernel's defaults,
  # so that dockerd finds forwarding off everywhere, turns it on and sets the policy of FORWARD as on a fresh host.
  nsenter --net="/run/netns/$host" sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
  ip -n "$host" link set lo up; ip -n "$host" link set eth0 up
  ip -n "$host" route add default via 203.0.113.2
}

# The outside machine of a host's own, at the other end of its cable.
plug() {
  local host=$1 out=$2
  ip netns add "$out"
  ip link add eth0 netns "$host" type veth peer name eth0 netns "$out"
  ip -n "$out" link set lo up; ip -n "$out" link set eth0 up
  ip -n "$host" addr add 203.0.113.1/24 dev eth0
  ip -n "$out" addr add 203.0.113.2/24 dev eth0
}

# Runs as the host's first process, inside its namespaces: makes the mounts, then stays to hold them.
anchor() {
  local dir=$1 root=$2 kept
  mount --make-rprivate /
  # sysfs shows the network namespace of whoever mounts it; what else lived below /sys is carried over.
  mkdir -p "$dir"/keep/{cgroup,security}
  for kept in fs/cgroup kernel/security; do
    if mountpoint -q "/sys/$kept"; then mount --rbind "/sys/$kept" "$dir/keep/${kept#*/}"; fi
  done
  mount -t sysfs sysfs /sys
  for kept in fs/cgroup kernel/security; do
    if mountpoint -q "$dir/keep/${kept#*/}"; then mount --rbind "$dir/keep/${kept#*/}" "/sys/$kept"; fi
  done
  # The named namespaces of this host are its own: those of other hosts would be seen and read too.
  mount -t tmpfs tmpfs /run/netns
  if [ "$root" = / ]; then
    # A containerd or a plugin of the machine's own Docker must not be found.
    mkdir -p /run/containerd /run/docker
    mount -t tmpfs tmpfs /run/containerd; mount -t tmpfs tmpfs /run/docker
  else
    # Shared between the two places, so that namespaces mounted by dockerd in its root are seen at the same path outside of it.
    mount --bind "$dir" "$dir"; mount --make-shared "$dir"
    mount --bind "$root" "$root"
    mount --bind "$HOSTS" "$root$HOSTS"; mount --bind "$dir" "$root$dir"
    mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"; mount -t tmpfs tmpfs "$root/tmp"
  fi
  stamp $$ >"$dir/anchor.part"; mv "$dir/anchor.part" "$dir/anchor"
  exec sleep infinity
}

# inside NAME CMD...: replaces this process by CMD in the host's namespaces. What the machine lacks, busybox gives (ping, nc ...).
inside() {
  local name=$1 anchor; shift; read -r anchor _ <"$HOSTS/$name/anchor"
  exec nsenter --net="/run/netns/$(netns_of "$name")" --mount="/proc/$anchor/ns/mnt" -- \
    env -C "$PWD" PATH="$PATH:/usr/sbin:/sbin:$LAB/bin" DOCKER_HOST="unix://$HOSTS/$name/docker.sock" DOCKER_CONFIG="$HOSTS/$name/cli" "$@"
}

start_dockerd() {
  local name=$1 dir=$HOSTS/$1 root anchor enter=()
  root=$(cat "$dir/root"); read -r anchor _ <"$dir/anchor"
  [ "$root" = / ] || enter=(chroot "$root")
  rm -f "$dir/docker.sock" "$dir/dockerd.pid"
  setsid nsenter --net="/run/netns/$(netns_of "$name")" --mount="/proc/$anchor/ns/mnt" -- "${enter[@]}" \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root dockerd --config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root "$dir/exec" \
    -H "unix://$dir/docker.sock" --pidfile "$dir/dockerd.pid" --cgroup-parent "/vlab-$name" --exec-opt native.cgroupdriver=cgroupfs \
    </dev/null >>"$dir/dockerd.log" 2>&1 9>&- &
  local started=$! _
  disown
  for _ in $(seq 600); do
    if [ -S "$dir/docker.sock" ] && ( inside "$name" docker version ) >/dev/null 2>&1; then return 0; fi
    kill -0 $started 2>/dev/null || break
    sleep 0.05
  done
  tail -5 "$dir/dockerd.log" >&2; fail "dockerd did not start in host $name (its log: $dir/dockerd.log, gone after lab.sh down $name)"
}

stop_dockerd() {
  local pid _; pid=$(cat "$HOSTS/$1/dockerd.pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 400); do [ -e "/proc/$pid" ] || return 0; sleep 0.05; done
  fail "dockerd of host $1 (process $pid) did not stop"
}

up() {
  local name=$1 engine=local owner= beside= root dir; shift; check_name "$name"
  while [ $# -gt 0 ]; do
    case $1 in --owner) owner=${2:?--owner PID}; shift 2 ;; --beside) beside=${2:?--beside OTHER}; shift 2 ;; *) engine=$1; shift ;; esac
  done
  mkdir -p "$HOSTS"; sweep
  dir=$HOSTS/$name
  [ ! -e "$dir" ] || fail "host $name is there already: lab.sh down $name"
  [ -z "$beside" ] || require_up "$beside"
  need_basics
  root=$(engine_root "$engine")
  with_lock image make_image
  mkdir "$dir"
  # From here on whatever fails or interrupts leaves nothing behind.
  trap 'status=$?; trap - EXIT; ( down "$name" ) || true; exit $status' EXIT
  trap 'exit 130' INT; trap 'exit 143' TERM HUP
  if [ -n "$owner" ]; then stamp "$owner" >"$dir/owner" || fail "the owner, process $owner, is gone"; fi
  [ -z "$beside" ] || cat "$HOSTS/$beside/beside" >"$dir/beside" 2>/dev/null || echo "$beside" >"$dir/beside"
  echo "$root" >"$dir/root"; echo "$engine" >"$dir/engine"; echo '{}' >"$dir/daemon.json"; mkdir "$dir/cli"
  with_lock netns network "$name"
  setsid nsenter --net="/run/netns/$(netns_of "$name")" unshare -m --propagation unchanged bash "$SELF" --anchor "$dir" "$root" </dev/null >"$dir/anchor.log" 2>&1 &
  local made=$! _
  disown
  for _ in $(seq 200); do [ ! -f "$dir/anchor" ] || break; kill -0 $made 2>/dev/null || break; sleep 0.02; done
  [ -f "$dir/anchor" ] || { cat "$dir/anchor.log" >&2; fail "could not make the mounts of host $name: it needs CAP_SYS_ADMIN and a kernel that allows it"; }
  start_dockerd "$name"
  ( inside "$name" docker import -c 'ENV PATH=/bin' "$LAB/busybox.tar" lab/busybox ) >/dev/null
  if [ -n "$owner" ]; then setsid bash "$SELF" --guard "$name" </dev/null >/dev/null 2>&1 & fi
  trap - EXIT INT TERM HUP
}

# ensure NAME ENGINE --owner PID [--beside OTHER] [scene] [scene6] [swarm]: up with its scenes, made by whoever comes first.
ensure() { local sum; sum=$(cksum <<<"$1"); with_lock "start-$((${sum%% *} % 16))" ensure_locked "$@"; }
ensure_locked() {
  local name=$1 options=("${@:1:4}") anchor scene; anchor=$(cat "$HOSTS/$1/ready" 2>/dev/null || true); shift 4
  if [ "${1:-}" = --beside ]; then options+=("$1" "$2"); shift 2; fi
  # shellcheck disable=SC2086
  if alive $anchor; then return 0; fi
  down "$name"
  ( up "${options[@]}" ) 9>&-
  for scene in "$@"; do "$scene" "$name" 9>&-; done
  cp "$HOSTS/$name/anchor" "$HOSTS/$name/ready"
}

# Waits for the owner's end and then ends the host, so that even a `kill -9` of the owner leaves nothing. The host's own stamp
# tells whether it is still the same one.
guard() {
  local name=$1 host owner; host=$(cat "$HOSTS/$1/anchor"); owner=$(cat "$HOSTS/$1/owner")
  while sleep 0.5 && [ "$(cat "$HOSTS/$name/anchor" 2>/dev/null)" = "$host" ]; do
    # shellcheck disable=SC2086
    alive $owner || exec bash "$SELF" down "$name"
  done
}

down() {
  local name=$1 dir=$HOSTS/$1 ns guard; check_name "$name"
  [ -d "$dir" ] || [ -e "/run/netns/$(netns_of "$name")" ] || return 0
  end_processes "$name"
  for ns in "$(netns_of "$name")" "$(netns_of "$name")-out"; do [ ! -e "/run/netns/$ns" ] || ip netns del "$ns"; done
  find /sys/fs/cgroup -depth -type d -path "*/vlab-$name*" -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$dir" || fail "could not remove $dir"
}

sweep() {
  local dir owner
  for dir in "$HOSTS"/*/; do
    [ -f "$dir/owner" ] || continue
    owner=$(cat "$dir/owner" 2>/dev/null || true)
    # shellcheck disable=SC2086
    alive $owner || { note "ending host $(basename "$dir"), whose owner is gone"; ( down "$(basename "$dir")" ) || true; }
  done
}

list() {
  local dir anchor state
  for dir in "$HOSTS"/*/; do
    [ -d "$dir" ] || continue
    anchor=$(cat "$dir/anchor" 2>/dev/null || true); state=dead
    # shellcheck disable=SC2086
    if alive $anchor; then state=up; fi
    printf '%-24s %-6s engine %-6s %s\n' "$(basename "$dir")" $state "$(cat "$dir/engine" 2>/dev/null)" "$([ ! -f "$dir/owner" ] || echo "owner $(cut -d' ' -f1 "$dir/owner")")"
  done
}

# --- The command line -------------------------------------------------------------------------------------------------

in_container() {
  local name=$1 container=$2 pid; shift 2
  pid=$( ( inside "$name" docker inspect -f '{{.State.Pid}}' "$container" ) ) || fail "no container $container in host $name"
  [ "$pid" != 0 ] || fail "container $container is not running"
  inside "$name" nsenter -t "$pid" -n -- "$@"
}

try_it() {
  local name=${1:-lab} engine=${2:-local} lab="bash test/lab/lab.sh"
  if [ ! -e "$HOSTS/$name" ]; then up "$name" "$engine"; scene "$name"; fi
  require_up "$name"
  ( inside "$name" docker ps --format 'table {{.Names}}\t{{.Networks}}\t{{.Ports}}' )
  cat <<X

Host "$name" is up, with dockerd $( ( inside "$name" docker version --format '{{.Server.Version}}' ) ); $name's eth0 is 203.0.113.1, the outside machine is 203.0.113.2.

  look      $lab sh $name node dist/main.js              (npm run build makes dist/; pick a container, enter captures)
            $lab sh $name node dist/main.js explain web1 web2 icmp
  traffic   $lab in $name web1 ping 198.18.20.2            to another network: dropped
  (another  $lab in $name web2 ping 198.18.20.3            inside one network: accepted
  terminal) $lab in $name web1 ping 203.0.113.2            to the outside: masqueraded
            $lab in $name nm1 ping 203.0.113.2             the same without masquerade: no answer
            $lab in $name n1 ping 172.19.0.3             icc=false: dropped
            $lab out $name get 203.0.113.1 8080           a published port: DNAT to pub
  end it    $lab down $name
X
}

case ${1:-try} in help | -h | --help) usage; exit 0 ;; esac
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "it makes namespaces, so it needs root"
  note "it makes namespaces, so it needs root: sudo"
  exec sudo ${VETHSCOPE_LAB:+VETHSCOPE_LAB="$VETHSCOPE_LAB"} PATH="$PATH" bash "$SELF" "$@"
fi
command=${1:-try}; [ $# -eq 0 ] || shift
case $command in
  try | list | sweep | --scene | --scene6) ;;
  *) [ $# -gt 0 ] || { usage >&2; exit 2; } ;;
esac
case $command in
  try) try_it "$@" ;;
  up) up "$@"; ( inside "$1" docker version --format 'dockerd {{.Server.Version}}' ) ;;
  ensure) ensure "$@" ;;
  scene) require_up "$1"; scene "$1" ;;
  scene6) require_up "$1"; scene6 "$1" ;;
  swarm) require_up "$1"; swarm "$1" ;;
  sh) require_up "$1"; name=$1; shift; [ $# -gt 0 ] || set -- bash; inside "$name" "$@" ;;
  out)
    require_up "$1"; name=$1; shift; [ $# -gt 0 ] || set -- bash
    exec nsenter --net="/run/netns/$(outside_of "$name")" -- env PATH="$PATH:/usr/sbin:/sbin:$LAB/bin" "$@" ;;
  in) require_up "$1"; [ $# -gt 1 ] || { usage >&2; exit 2; }; name=$1 container=$2; shift 2; [ $# -gt 0 ] || set -- bash; in_container "$name" "$container" "$@" ;;
  env)
    require_up "$1"; read -r anchor _ <"$HOSTS/$1/anchor"
    printf '%s\n' "DOCKER_HOST=unix://$HOSTS/$1/docker.sock" "NETNS=$(netns_of "$1")" "OUTSIDE=$(outside_of "$1")" "ANCHOR=$anchor" "DIR=$HOSTS/$1" "ENGINE=$(cat "$HOSTS/$1/engine")" "BIN=$LAB/bin" ;;
  dockerd) require_up "$1"; case ${2:-} in stop) stop_dockerd "$1" ;; start) start_dockerd "$1" ;; *) usage >&2; exit 2 ;; esac ;;
  down) down "$1" ;;
  list) list ;;
  sweep) sweep ;;
  prepare) need_basics; engine_root "$1" >/dev/null ;;
  --anchor) anchor "$@" ;;
  --guard) guard "$@" ;;
  --scene) set -e; make_scene ;;
  --scene6) set -e; make_scene6 ;;
  *) usage >&2; exit 2 ;;
esac
