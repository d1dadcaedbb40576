/**
 * A Docker host for faults that people really met: two networks, a web server published on 8080 and, for this machine only, on 8051, a
 * neighbour beside it and one in the other network. Every case leaves the host as it found it.
 */
import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import type { PacketSpec, Verdict } from '../../../src/path/verdict.ts';
import { bridgeOf, type Explained, explainOn, succeedsAt } from '../ask-host.ts';
import { moved, readCounters } from '../counters.ts';
import { type LabHost, startLab } from '../lab.ts';
import { run } from '../program.ts';

export const HOST = '203.0.113.1';
export const OUTSIDE = '203.0.113.2';
export const WEB = '10.21.0.2';
/** Beside web. */
export const NEIGHBOUR = '10.21.0.3';
/** In the other network. */
export const STRANGER = '10.22.0.2';

export interface World {
  readonly host: LabHost;
  readonly bridgeA: string;
  readonly bridgeB: string;
  explain(src: string, dst: string, proto: string): Promise<Explained>;
  /** `explain --packets`: one exact packet. */
  judge(packet: PacketSpec): Promise<Verdict>;
  /** Does the shell command succeed in the container, on the host, or outside? */
  succeeds(where: string, command: string): Promise<boolean>;
  /** Does it fail there? Waits only as long as an answer on one machine takes at most. */
  fails(where: string, command: string): Promise<boolean>;
  /** The rules that counted while something was done. */
  counted(action: () => Promise<unknown>): Promise<ReadonlyMap<string, number>>;
  bridgeOf(network: string): Promise<string>;
  /** Puts rules and sysctls back as they were in the beginning, and forgets connections. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

/** What the cases turn. */
const SWITCHES =
  '^net\\.(ipv4\\.ip_forward|ipv[46]\\.conf\\..*\\.(forwarding|rp_filter|proxy_ndp|route_localnet)|bridge\\..*|netfilter\\.nf_conntrack_tcp_loose) ';

const SETUP = `
set -e
run() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/sleep 1000000; }
web() { local name=$1; shift; docker run -d --name "$name" "$@" lab/busybox /bin/httpd -f -p 80; }
docker network create --subnet 10.21.0.0/24 neta
docker network create --subnet 10.22.0.0/24 netb
web web --network neta --ip ${WEB} -p 8080:80 -p 127.0.0.1:8051:80
run near --network neta --ip ${NEIGHBOUR}
run far --network netb --ip ${STRANGER}
`;

/** A world of a test file's own, whole again after each case. */
export const useWorld = (): (() => World) => {
  // A case asks the program several times and waits for what does not come; it takes seconds, and more where others work beside it.
  vi.setConfig({ testTimeout: 90_000 });
  let world: World | undefined;
  const opened = (): World => {
    if (world === undefined) throw new Error('the host of these cases is not up');
    return world;
  };
  beforeAll(async () => {
    world = await openWorld();
  }, 120_000);
  afterAll(() => world?.stop());
  afterEach(() => opened().restore());
  return opened;
};

const openWorld = async (): Promise<World> => {
  const host = await startLab({ engine: '28.5', scene: false });
  try {
    return await furnish(host);
  } catch (error) {
    await host.stop();
    throw error;
  }
};

const furnish = async (host: LabHost): Promise<World> => {
  await host.sh(`bash -c '${SETUP}' >/dev/null`);
  await host.sh(`iptables-save >${host.dir}/rules && sysctl -a 2>/dev/null | grep -E '${SWITCHES}' >${host.dir}/sysctls`);
  return {
    host,
    bridgeA: await bridgeOf(host, 'neta'),
    bridgeB: await bridgeOf(host, 'netb'),
    bridgeOf: (network) => bridgeOf(host, network),
    explain: (...question) => explainOn(host, ...question),
    judge: async (packet) => {
      const { code, stdout, stderr } = await run(['explain', '--packets', '-'], host.wrap, `${JSON.stringify(packet)}\n`);
      if (code !== 0) throw new Error(`explain --packets: exit ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as Verdict;
    },
    succeeds: (where, command) => succeedsAt(host, where, 3, command),
    fails: async (where, command) => !(await succeedsAt(host, where, 0.6, command)),
    counted: async (action) => {
      const before = await readCounters(host);
      await action();
      return moved(before, await readCounters(host));
    },
    restore: async () => {
      await host.sh(`iptables-restore <${host.dir}/rules; sysctl -q -e -p ${host.dir}/sysctls 2>/dev/null; conntrack -F 2>/dev/null`);
    },
    stop: () => host.stop(),
  };
};

/** One page by HTTP, within $WAIT seconds. */
export const get = (address: string, port: number): string =>
  `timeout $WAIT bash -c 'exec 3<>/dev/tcp/${address}/${port} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && grep -q . <&3'`;

export const ping = (address: string): string => `timeout $WAIT ping -c1 -W3 ${address} >/dev/null`;

/**
 * Sends one frame with a SYN from outside to the host's MAC address, whatever the routes there would say about its destination.
 */
export const asking = (address: string, port: number): string =>
  `python3 -c '
import socket, struct, subprocess, json
peer = [n["lladdr"] for n in json.loads(subprocess.check_output(["ip", "-j", "neigh", "show", "${HOST}"])) if "lladdr" in n][0]
own = json.loads(subprocess.check_output(["ip", "-j", "link", "show", "eth0"]))[0]["address"]
mac = lambda text: bytes.fromhex(text.replace(":", ""))
def total(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s > 0xffff: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
src, dst = socket.inet_aton("${OUTSIDE}"), socket.inet_aton("${address}")
tcp = struct.pack("!HHIIBBHHH", 40000, ${port}, 1, 0, 80, 2, 8192, 0, 0)
tcp = tcp[:16] + struct.pack("!H", total(src + dst + struct.pack("!HH", 6, 20) + tcp)) + tcp[18:]
ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + src + dst
ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
s.send(mac(peer) + mac(own) + b"\\x08\\x00" + ip + tcp)
'`;
