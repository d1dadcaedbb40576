# What is in a lab host: the networks and containers of test/lab/README.md. Sourced by lab.sh.

scene() { ( inside "$1" bash "$SELF" --scene ) >/dev/null || fail "the scene of host $1 could not be made"; }

# One at a time and in this order: addresses, rule numbers and interface indexes are then the same on every host.
make_scene() {
  run() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/sleep 1000000; }
  web() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/httpd -f -p 80; }
  docker network create test_net1
  docker network create --subnet 198.18.20.0/24 --gateway 198.18.20.1 test_net2
  docker network create -o com.docker.network.bridge.enable_icc=false noicc
  docker network create --internal intern
  docker network create -o com.docker.network.bridge.enable_ip_masquerade=false nomasq
  docker network create -d macvlan --subnet 198.19.5.0/24 -o parent=eth0 mv
  run web1 --network test_net1
  run web2 --network test_net2
  run web3 --network test_net2
  web pub -p 8080:80
  web publocal -p 127.0.0.1:8081:80
  web pubnet1 --network test_net1 -p 8082:80
  run n1 --network noicc
  run n2 --network noicc
  run i1 --network intern
  run nm1 --network nomasq
  run mv1 --network mv
  run hostmode --network host
  run nonemode --network none
  run sidecar --network container:web1
  run multi --network test_net1
  docker network connect test_net2 multi
}

scene6() {
  local ns; ns=$(netns_of "$1")
  ip -n "$ns" -6 addr add 2001:db8:203::1/64 dev eth0 nodad; ip -n "$(outside_of "$1")" -6 addr add 2001:db8:203::2/64 dev eth0 nodad
  ip -n "$ns" -6 route add default via 2001:db8:203::2
  ( inside "$1" bash "$SELF" --scene6 ) >/dev/null || fail "the IPv6 scene of host $1 could not be made"
}

make_scene6() {
  docker network create --ipv6 --subnet 172.31.6.0/24 --subnet fd00:6::/64 test_net6
  docker run -d --name six1 --network test_net6 lab/busybox /bin/sleep 1000000
  docker run -d --name six2 --network test_net6 -p 8086:80 lab/busybox /bin/httpd -f -p 80
}
