# Two lab hosts on one outside network, joined to one swarm, with overlay networks that span both. Sourced by lab.sh.

# plug_beside HOST-NETNS OUTSIDE-NETNS: one more host on an outside network that has one already. The outside machine becomes a
# switch with an address of its own, as its single cable can take only one host.
plug_beside() {
  local host=$1 out=$2 number=3 cable
  if ! ip -n "$out" link show wire >/dev/null 2>&1; then
    ip -n "$out" link add wire type bridge
    ip -n "$out" addr flush dev eth0 scope global
    ip -n "$out" link set eth0 master wire; ip -n "$out" link set wire up
    ip -n "$out" addr add 203.0.113.2/24 dev wire
  fi
  while ip -n "$out" link show "eth$number" >/dev/null 2>&1; do number=$((number + 1)); done
  cable=eth$number
  ip link add eth0 netns "$host" type veth peer name "$cable" netns "$out"
  ip -n "$out" link set "$cable" master wire; ip -n "$out" link set "$cable" up
  ip -n "$host" addr add "203.0.113.$number/24" dev eth0
}

# swarm NAME: the host beside which NAME stands manages, NAME works. Addresses are given, so that both hosts can make their
# containers at once; network identifiers are given by the swarm in the order of creation: 4096 ingress, 4097 net, 4098 enc.
swarm() {
  local second=$1 first token here there
  first=$(cat "$HOSTS/$second/beside" 2>/dev/null) || fail "host $second stands beside no other: lab.sh up $second --beside OTHER"
  here=$(uplink_of "$first"); there=$(uplink_of "$second")
  ( inside "$first" docker swarm init --advertise-addr "$here" --listen-addr "$here:2377" ) >/dev/null
  token=$( ( inside "$first" docker swarm join-token -q worker ) )
  ( inside "$second" docker swarm join --token "$token" --advertise-addr "$there" --listen-addr "$there:2377" "$here:2377" ) >/dev/null
  ( inside "$first" docker network create -d overlay --attachable --subnet 10.20.0.0/24 net ) >/dev/null
  ( inside "$first" docker network create -d overlay --attachable --opt encrypted --subnet 10.21.0.0/24 enc ) >/dev/null
  ( joined "$first" left net 10.20.0.11; joined "$first" near net 10.20.0.12; joined "$first" eleft enc 10.21.0.11 ) & local left=$!
  ( joined "$second" right net 10.20.0.21; joined "$second" eright enc 10.21.0.21 ) & local right=$!
  wait $left && wait $right || fail "the containers of the swarm could not be made"
  # What one host knows of the other's containers arrives by gossip.
  known "$first" 10.20.0.21 && known "$second" 10.20.0.11 || fail "$first and $second do not learn of each other's containers"
}

joined() { ( inside "$1" docker run -d --name "$2" --network "$3" --ip "$4" lab/busybox /bin/httpd -f -p 80 ) >/dev/null; }

uplink_of() { ip -n "$(netns_of "$1")" -o -4 addr show dev eth0 scope global | sed -n 's/.* inet \([0-9.]*\).*/\1/p'; }

# known NAME ADDRESS: waits until some hidden namespace of the host has a neighbour entry for an address on another host.
known() {
  local daemon hidden; daemon=$(cat "$HOSTS/$1/dockerd.pid")
  for _ in $(seq 400); do
    for hidden in "/proc/$daemon/root$HOSTS/$1/exec/netns/1-"*; do
      if nsenter --net="$hidden" ip neigh show "$2" 2>/dev/null | grep -q PERMANENT; then return 0; fi
    done
    sleep 0.05
  done
  return 1
}
