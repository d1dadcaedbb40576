/** What this machine allows and has, for `doctor` and for choosing an engine; capabilities(7). */
import { messageOf } from '../base/errors.ts';
import { CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_PTRACE, capabilitySets } from './capability-sets.ts';
import type { DockerDaemon } from './docker.ts';
import { loadCap } from './engine/cap-module.ts';
import type { Machine } from './machine/machine.ts';
import type { Capabilities } from './protocol.ts';
import { describeLeftovers } from './trace-keeper.ts';

const PROGRAMS = [
  'ip',
  'bridge',
  'nsenter',
  'lsns',
  'ss',
  'tcpdump',
  'iptables-save',
  'iptables-nft-save',
  'iptables-legacy-save',
  'ip6tables-save',
  'nft',
  'ipset',
  'conntrack',
  'mkfifo',
  'docker',
  'xtables-monitor',
  'hping3',
] as const;

export const probe = async (machine: Machine, docker: DockerDaemon | { readonly error: string }): Promise<Capabilities> => {
  const capError = machine.remote === null ? tryCap() : 'packets of another machine come by its tcpdump';
  const status = (await machine.readText('/proc/self/status')) ?? '';
  const { uid, has, keeps } = capabilitySets(status);
  const setting = async (path: string): Promise<string | null> => (await machine.readText(path))?.trim() ?? null;
  const bridgeNfCallIptables = await setting('/proc/sys/net/bridge/bridge-nf-call-iptables');
  return {
    uid: uid ?? process.getuid?.() ?? 0,
    canCapture: has(CAP_NET_RAW),
    canReadRules: has(CAP_NET_ADMIN),
    canEnterNamespaces: has(CAP_SYS_ADMIN) && has(CAP_SYS_PTRACE),
    nodeAloneMay: keeps(CAP_NET_RAW) || keeps(CAP_NET_ADMIN),
    capLoads: capError === null,
    capError,
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, machine.find(name)])),
    docker: await probeDocker(docker),
    kernelModules: {
      brNetfilter: bridgeNfCallIptables !== null,
      conntrack: await machine.exists('/proc/sys/net/netfilter/nf_conntrack_count'),
    },
    settings: { ipForward: await setting('/proc/sys/net/ipv4/ip_forward'), bridgeNfCallIptables },
    remote: machine.remote,
    traceLeftovers: machine.remote === null ? describeLeftovers() : [],
  };
};

/** Loading is safe here: only opening an interface can take the process down. */
const tryCap = (): string | null => {
  try {
    loadCap();
    return null;
  } catch (error) {
    return whyNotLoaded(messageOf(error));
  }
};

/** Node was changed after the package was installed: the first line of what it says then tells the file and nothing else. */
export const whyNotLoaded = (said: string): string => {
  const [, built, wanted] = /NODE_MODULE_VERSION (\d+)[\s\S]*NODE_MODULE_VERSION (\d+)/.exec(said) ?? [];
  if (built === undefined || wanted === undefined) return said.split('\n')[0] ?? 'it cannot be loaded';
  return `it was built for another version of Node (module version ${built}; that of ${process.version} is ${wanted})`;
};

const probeDocker = async (docker: DockerDaemon | { readonly error: string }): Promise<Capabilities['docker']> => {
  if ('error' in docker) return { url: '', version: null, error: docker.error };
  const { url } = docker.endpoint;
  try {
    return { url, version: await docker.version(), error: null };
  } catch (error) {
    return { url, version: null, error: messageOf(error) };
  }
};
