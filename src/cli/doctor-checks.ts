/** What the agent found out about this machine, as a list of checks: what each lack means, and the command that mends it. */
import type { Capabilities } from '../agent/protocol.ts';
import type { DoctorCheck } from '../report/doctor.ts';
import { installCommand, type PackageManager } from './packages.ts';

/** What is lost without a program, and whether that takes a function away or makes answers less complete. */
const PROGRAMS: Readonly<Record<string, { readonly status: 'limited' | 'missing'; readonly loss: string }>> = {
  ip: { status: 'missing', loss: 'interfaces, addresses and routes cannot be read' },
  bridge: { status: 'limited', loss: 'what is known of bridge ports (hairpin, isolated) and learned addresses is missing' },
  nft: { status: 'limited', loss: 'tables of native nftables are not seen' },
  ipset: { status: 'limited', loss: 'rules that look into sets are undetermined' },
  conntrack: { status: 'limited', loss: 'connections that exist already are not known' },
  ss: { status: 'limited', loss: 'whether somebody listens on a port is not known' },
  tcpdump: { status: 'limited', loss: 'no second capture engine, and no filters on saved files' },
};

const SAVES = ['iptables-nft-save', 'iptables-legacy-save', 'iptables-save'] as const;

export const doctorChecks = (found: Capabilities, manager: PackageManager | null): readonly DoctorCheck[] => [
  dockerCheck(found),
  captureCheck(found),
  namespaceCheck(found),
  ...(found.remote === null ? [capCheck(found, manager)] : []),
  rulesCheck(found),
  firewallCheck(found, manager),
  ...Object.keys(PROGRAMS).map((program) => programCheck(program, found, manager)),
  ...kernelChecks(found),
  ...found.traceLeftovers.map(leftoverCheck),
];

const leftoverCheck = (what: string): DoctorCheck => ({
  name: 'trace',
  status: 'limited',
  found: `a trace that was killed has left ${what}`,
  mend: 'sudo vethscope trace host outside icmp --duration 1 (every trace puts back first what an earlier one has left)',
});

const ok = (name: string, text: string): DoctorCheck => ({ name, status: 'ok', found: text, mend: null });

const dockerCheck = (found: Capabilities): DoctorCheck => {
  const { url, version, error } = found.docker;
  if (error === null) return ok('docker', `${version ?? 'answers'} at ${url}`);
  const refused = /EACCES|permission|privilege/i.test(error);
  return {
    name: 'docker',
    status: 'missing',
    found: `no answer from ${url}: ${error}; containers have no names, only interfaces can be captured`,
    mend: refused
      ? 'run vethscope with sudo, or: sudo usermod -aG docker "$USER" (and log in again)'
      : 'sudo systemctl start docker, or name another daemon with --docker-host or DOCKER_HOST',
  };
};

const captureCheck = (found: Capabilities): DoctorCheck =>
  found.canCapture
    ? ok('capture', `allowed (uid ${found.uid})`)
    : {
        name: 'capture',
        status: 'missing',
        found: found.nodeAloneMay
          ? `capabilities were given to node itself (setcap), and what it starts has none of them: uid ${found.uid} may not capture`
          : `uid ${found.uid} may not capture (CAP_NET_RAW); files and snapshots can be read`,
        mend: 'sudo vethscope (it gives its privileges up again for all but the capture itself)',
      };

const namespaceCheck = (found: Capabilities): DoctorCheck =>
  found.canEnterNamespaces
    ? ok('namespaces', "containers' namespaces can be read")
    : {
        name: 'namespaces',
        status: 'missing',
        found: "containers' namespaces cannot be entered (CAP_SYS_ADMIN): which veth belongs to which container is not known for sure",
        mend: 'sudo vethscope',
      };

const rulesCheck = (found: Capabilities): DoctorCheck =>
  found.canReadRules
    ? ok('rules', 'may be read')
    : {
        name: 'rules',
        status: 'missing',
        found: 'the firewall, conntrack and sockets cannot be read (CAP_NET_ADMIN): there are no verdicts',
        mend: 'sudo vethscope',
      };

const capCheck = (found: Capabilities, manager: PackageManager | null): DoctorCheck => {
  if (found.capLoads) return ok('engine cap', 'libpcap binding loads');
  const stands = found.programs['tcpdump'] != null;
  return {
    name: 'engine cap',
    status: stands ? 'limited' : 'missing',
    found: `the npm package cap does not load: ${found.capError ?? 'no reason given'}${stands ? '; tcpdump takes its place' : ''}`,
    mend: `${installCommand('libpcap headers', manager)} && npm rebuild cap`,
  };
};

/** The rules can be read by one of three programs; which of them matters depends on who writes rules here. */
const firewallCheck = (found: Capabilities, manager: PackageManager | null): DoctorCheck => {
  const there = SAVES.filter((program) => found.programs[program] != null);
  if (there.length > 0) return ok('iptables', `rules are read by ${there.join(', ')}`);
  return {
    name: 'iptables',
    status: 'missing',
    found: 'no iptables-save: rules cannot be read, so there are no verdicts',
    mend: installCommand('iptables-save', manager),
  };
};

const programCheck = (program: string, found: Capabilities, manager: PackageManager | null): DoctorCheck => {
  const path = found.programs[program] ?? null;
  if (path !== null) return ok(program, path);
  const { status, loss } = PROGRAMS[program] as { status: 'limited' | 'missing'; loss: string };
  return { name: program, status, found: `not found: ${loss}`, mend: installCommand(program, manager) };
};

/** Settings of this namespace that decide what containers can do. They are not wrong in themselves: a router's owner may want them so. */
const kernelChecks = (found: Capabilities): readonly DoctorCheck[] => {
  const checks: DoctorCheck[] = [];
  checks.push(
    found.kernelModules.conntrack
      ? ok('nf_conntrack', 'connections are tracked')
      : { name: 'nf_conntrack', status: 'limited', found: 'not loaded: no NAT and no states here yet', mend: 'sudo modprobe nf_conntrack' },
  );
  if (!found.kernelModules.brNetfilter) {
    checks.push({
      name: 'br_netfilter',
      status: 'limited',
      found: 'not loaded: packets between ports of one bridge meet no iptables rule, --icc=false has no effect',
      mend: 'sudo modprobe br_netfilter',
    });
  } else if (found.settings.bridgeNfCallIptables === '0') {
    checks.push({
      name: 'br_netfilter',
      status: 'limited',
      found: 'net.bridge.bridge-nf-call-iptables = 0: packets between ports of one bridge meet no iptables rule',
      mend: 'sudo sysctl net.bridge.bridge-nf-call-iptables=1',
    });
  } else checks.push(ok('br_netfilter', 'bridged packets meet the iptables rules'));
  if (found.settings.ipForward === '0') {
    checks.push({
      name: 'ip_forward',
      status: 'limited',
      found: 'net.ipv4.ip_forward = 0: containers reach nothing beyond their own bridge',
      mend: 'sudo sysctl net.ipv4.ip_forward=1',
    });
  } else if (found.settings.ipForward === '1') checks.push(ok('ip_forward', 'net.ipv4.ip_forward = 1'));
  return checks;
};
