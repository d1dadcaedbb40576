/** What this machine allows and has, for `doctor` and for choosing an engine; capabilities(7). */
import { existsSync, readFileSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { DockerDaemon } from './docker.ts';
import { loadCap } from './engine/cap-module.ts';
import { findProgram } from './programs.ts';
import type { Capabilities } from './protocol.ts';
import { describeLeftovers } from './trace-keeper.ts';

/** include/uapi/linux/capability.h */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;

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

export const probe = async (docker: DockerDaemon | { readonly error: string }): Promise<Capabilities> => {
  const capError = tryCap();
  return {
    uid: process.getuid?.() ?? 0,
    canCapture: hasCapability(CAP_NET_RAW),
    canReadRules: hasCapability(CAP_NET_ADMIN),
    canEnterNamespaces: hasCapability(CAP_SYS_ADMIN) && hasCapability(CAP_SYS_PTRACE),
    capLoads: capError === null,
    capError,
    programs: Object.fromEntries(PROGRAMS.map((name) => [name, findProgram(name)])),
    docker: await probeDocker(docker),
    kernelModules: {
      brNetfilter: existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables'),
      conntrack: existsSync('/proc/sys/net/netfilter/nf_conntrack_count'),
    },
    traceLeftovers: describeLeftovers(),
  };
};

/** Bit of the effective set of this process. */
export const hasCapability = (bit: number): boolean => {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
};

/** Loading is safe here: only opening an interface can take the process down. */
const tryCap = (): string | null => {
  try {
    loadCap();
    return null;
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? 'it cannot be loaded';
  }
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
