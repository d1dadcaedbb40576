/**
 * One real host with a container in every mode of networking, a network of its own for each: what is resolved, captured and explained
 * there is laid beside what really happens. The machine outside has routes to the networks that are meant to be routed.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { at, bridgeOf, type Explained, explainOn, succeedsAt } from './ask-host.ts';
import { type LabHost, startLab } from './lab.ts';

export const HOST = '203.0.113.1';
export const OUTSIDE = '203.0.113.2';
/** Outside on the cables eth1 (parent of a macvlan) and eth2 (a port of br0). */
export const OUTSIDE_1 = '198.19.6.1';
export const OUTSIDE_2 = '198.19.7.1';
export const OUTSIDE_V6 = '2001:db8:203::2';

export interface Modes {
  readonly host: LabHost;
  explain(src: string, dst: string, proto: string): Promise<Explained>;
  /** Does the shell command succeed in the container, on the host, or outside? A success may take seconds, a failure is waited for less. */
  works(where: string, command: string): Promise<boolean>;
  fails(where: string, command: string): Promise<boolean>;
  /** Runs commands on the host (`container: command` in a container), then the checks, then those that undo it; also when a check failed. */
  broken(commands: readonly string[], undo: readonly string[], checks: () => Promise<void>): Promise<void>;
  bridgeOf(network: string): Promise<string>;
  portOf(container: string): Promise<string>;
  stop(): Promise<void>;
}

const SETUP = `
set -e
run() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/sleep 1000000; }
web() { local name=$1 port=$2; shift 2; docker run -d --name "$name" "$@" lab/busybox /bin/httpd -f -p $port; }
net() { local name=$1 subnet=$2; shift 2; docker network create --subnet "$subnet" "$@" "$name"; }
mode() { echo "-o com.docker.network.bridge.gateway_mode_ipv4=$1"; }
net user 10.31.0.0/24
net closed 10.32.0.0/24 --internal
net noicc 10.33.0.0/24 -o com.docker.network.bridge.enable_icc=false
net nomasq 10.34.0.0/24 -o com.docker.network.bridge.enable_ip_masquerade=false
net routed 10.35.0.0/24 $(mode routed)
net isolated 10.36.0.0/24 --internal $(mode isolated)
net open 10.37.0.0/24 $(mode nat-unprotected)
net mvb 203.0.113.0/24 -d macvlan --ip-range 203.0.113.128/25 -o parent=eth0
net mvp 198.19.6.0/24 -d macvlan --gateway ${OUTSIDE_1} -o parent=eth1 -o macvlan_mode=private
net six 10.39.0.0/24 --ipv6 --subnet fd00:39::/64
web plain 80
web u1 80 --network user -p 8080:80
run u2 --network user
run in1 --network closed; run in2 --network closed
run ic1 --network noicc; run ic2 --network noicc
run nm1 --network nomasq
web ro1 80 --network routed -p 80
run is1 --network isolated; run is2 --network isolated
web un1 80 --network open
web hosted 8088 --network host
run alone --network none
run guest --network container:u1
run mb1 --network mvb; run mb2 --network mvb
run mp1 --network mvp; run mp2 --network mvp
run both --network user; docker network connect nomasq both
run s1 --network six; web s2 80 --network six -p 8086:80
run pipe --network none
`;

/** Two more cables to the machine outside, and its routes to the networks that are reached as such. */
const cables = (host: LabHost): readonly string[] => {
  const cable = (name: string): readonly string[] => [
    `ip link add ${name} netns ${host.netns} type veth peer name ${name} netns ${host.outsideNetns}`,
    `ip -n ${host.netns} link set ${name} up`,
    `ip -n ${host.outsideNetns} link set ${name} up`,
  ];
  return [...cable('eth1'), ...cable('eth2')];
};

const OUTSIDE_SETUP = [
  `ip addr add ${OUTSIDE_1}/24 dev eth1`,
  `ip addr add ${OUTSIDE_2}/24 dev eth2`,
  `ip -6 addr add ${OUTSIDE_V6}/64 dev eth0 nodad`,
  `ip route add 10.35.0.0/24 via ${HOST}`,
  `ip route add 10.37.0.0/24 via ${HOST}`,
  `ip route add 10.34.0.0/24 dev lo`,
].join(' && ');

/** pipework by hand: a bridge with the cable eth2 as its uplink, and a veth pair from one of its ports into a container. */
const PIPEWORK = `
set -e
ip link add br0 type bridge
ip link set eth2 master br0
ip addr add 198.19.7.2/24 dev br0
ip link set br0 up
pid=$(docker inspect -f '{{.State.Pid}}' pipe)
ip link add pipe0 type veth peer name eth1 netns /proc/$pid/ns/net
ip link set pipe0 master br0 up
nsenter -n -t $pid ip link set eth1 up
nsenter -n -t $pid ip addr add 198.19.7.10/24 dev eth1
nsenter -n -t $pid ip route add default via ${OUTSIDE_2}
`;

export const openModes = async (): Promise<Modes> => {
  const host = await startLab({ engine: '28.5', scene: false });
  try {
    return await furnish(host);
  } catch (error) {
    await host.stop();
    throw error;
  }
};

const furnish = async (host: LabHost): Promise<Modes> => {
  await runHere(cables(host).join(' && '));
  await host.sh(`ip -6 addr add 2001:db8:203::1/64 dev eth0 nodad && ip -6 route add default via ${OUTSIDE_V6}`);
  await Promise.all([host.outside(OUTSIDE_SETUP), host.sh(`bash -c '${SETUP.replaceAll("'", `'\\''`)}' >/dev/null`)]);
  await host.sh(`bash -c '${PIPEWORK.replaceAll("'", `'\\''`)}'`);
  const apply = async (commands: readonly string[]): Promise<void> => {
    for (const command of commands) {
      const inside = /^(\w+): (.*)$/.exec(command);
      await (inside === null ? host.sh(command) : at(host, inside[1] as string, inside[2] as string));
    }
  };
  return {
    host,
    explain: (...question) => explainOn(host, ...question),
    works: (where, command) => succeedsAt(host, where, 10, command),
    fails: async (where, command) => !(await succeedsAt(host, where, 0.6, command)),
    broken: async (commands, undo, checks) => {
      try {
        await apply(commands);
        await checks();
      } finally {
        await apply(undo);
        await host.sh('conntrack -F 2>/dev/null; true');
      }
    },
    bridgeOf: (network) => bridgeOf(host, network),
    portOf: async (container) => {
      const index = (await host.container(container, 'ip -o link show eth0')).match(/eth0@if(\d+)/)?.[1];
      return (await host.sh(`ip -o link | sed -n 's/^${index}: \\([^@:]*\\).*/\\1/p'`)).trim();
    },
    stop: () => host.stop(),
  };
};

const runHere = (command: string): Promise<unknown> => promisify(execFile)('sh', ['-c', command]);
