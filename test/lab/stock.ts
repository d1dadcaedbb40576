/**
 * What there is on a lab host that a program could leave behind: processes, open handles on network namespaces, mounts and numbers of
 * them, rules, IPsec, sockets, promiscuous interfaces, switched loggers, files. Taken before and after, the two must be equal.
 * proc(5), namespaces(7), packet(7).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { LabHost } from './lab.ts';

export type Stock = Readonly<Record<string, readonly string[]>>;

/** What the kernel keeps for the host's namespace: each command's lines. */
const KERNEL: Readonly<Record<string, string>> = {
  rules:
    "{ iptables-save; ip6tables-save; nft -s list ruleset; } 2>/dev/null | grep -v '^#' | sed 's/\\[[0-9]*:[0-9]*\\]//; s/packets [0-9]* bytes [0-9]*//'",
  'legacy tables': 'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null',
  ipsec: 'ip xfrm state; ip xfrm policy',
  listening: "ss -Hlntu | awk '{ print $1, $5 }'",
  'packet sockets': 'tail -n +2 /proc/net/packet | wc -l',
  promiscuous: "ip -d -o link | grep -o 'promiscuity [1-9][0-9]*' | sort | uniq -c",
  loggers: 'cat /proc/sys/net/netfilter/nf_log/2 /proc/sys/net/netfilter/nf_log/10',
  'namespaces that links lead to': 'ip netns list-id | wc -l',
};
const MARK = '=== ';

/** The daemon's own, which come and go with containers. */
const DOCKERS = /^(dockerd|docker-proxy|containerd|runc)/;

/** `folders`: where the programs under test may write. */
export const takeStock = async (host: LabHost, folders: readonly string[]): Promise<Stock> => {
  const script = Object.entries(KERNEL).map(([name, command]) => `echo '${MARK}${name}'\n${command}`);
  const stock: Record<string, readonly string[]> = {};
  for (const part of (await host.sh(`${script.join('\n')}\ntrue`)).split(MARK).slice(1)) {
    const [name = '', ...lines] = part.trimEnd().split('\n');
    stock[name] = lines.map((line) => line.trim()).sort();
  }
  const pids = processesIn(host);
  stock['processes'] = pids.map((pid) => `${pid} ${readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 120)}`);
  stock['handles on namespaces'] = pids.flatMap(handlesOf);
  // Other hosts come and go beside this one.
  stock['mounts of namespaces'] = readText(`/proc/${host.anchorPid}/mountinfo`)
    .split('\n')
    .filter((line) => /net:\[\d+\]/.test(line) && line.includes(host.name))
    .map((line) => line.split(' ')[4] ?? '')
    .sort();
  for (const folder of folders) stock[`files in ${folder}`] = (readdirSync(folder, { recursive: true }) as string[]).sort();
  return stock;
};

/** Those that see the host's mounts, which is all that was started inside, its children, and theirs. */
const processesIn = (host: LabHost): number[] => {
  const mounts = readLink(`/proc/${host.anchorPid}/ns/mnt`);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => readLink(`/proc/${pid}/ns/mnt`) === mounts && !DOCKERS.test(readText(`/proc/${pid}/comm`)));
};

const handlesOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = readLink(`/proc/${pid}/fd/${fd}`);
      return target.startsWith('net:') ? [`${pid} ${target}`] : [];
    });
  } catch {
    // it has ended between the two looks
    return [];
  }
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Of a zombie the kernel shows no namespaces: it counts as ended. */
const readLink = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};
