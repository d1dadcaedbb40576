/** Which package brings a program, by package manager, for `doctor`'s advice. */
import { existsSync } from 'node:fs';

export interface PackageManager {
  readonly name: 'apt' | 'dnf' | 'apk' | 'pacman' | 'zypper';
  readonly program: string;
  readonly install: string;
}

const MANAGERS: readonly PackageManager[] = [
  { name: 'apt', program: '/usr/bin/apt-get', install: 'apt-get install' },
  { name: 'dnf', program: '/usr/bin/dnf', install: 'dnf install' },
  { name: 'apk', program: '/sbin/apk', install: 'apk add' },
  { name: 'pacman', program: '/usr/bin/pacman', install: 'pacman -S' },
  { name: 'zypper', program: '/usr/bin/zypper', install: 'zypper install' },
];

type Names = Readonly<Partial<Record<PackageManager['name'], string>>> & { readonly any: string };

/** What a package is called everywhere (`any`), and where it is called something else. */
const PACKAGES: Readonly<Record<string, Names>> = {
  ip: { any: 'iproute2', dnf: 'iproute' },
  bridge: { any: 'iproute2', dnf: 'iproute' },
  ss: { any: 'iproute2', dnf: 'iproute' },
  'iptables-save': { any: 'iptables' },
  'ip6tables-save': { any: 'iptables', apk: 'ip6tables' },
  'iptables-nft-save': { any: 'iptables', dnf: 'iptables-nft' },
  'ip6tables-nft-save': { any: 'iptables', dnf: 'iptables-nft' },
  'iptables-legacy-save': { any: 'iptables', dnf: 'iptables-legacy', apk: 'iptables-legacy' },
  'ip6tables-legacy-save': { any: 'iptables', dnf: 'iptables-legacy', apk: 'iptables-legacy' },
  nft: { any: 'nftables' },
  ipset: { any: 'ipset' },
  conntrack: { any: 'conntrack-tools', apt: 'conntrack' },
  tcpdump: { any: 'tcpdump' },
  sysctl: { any: 'procps', dnf: 'procps-ng', pacman: 'procps-ng' },
  lsns: { any: 'util-linux' },
  nsenter: { any: 'util-linux' },
  'libpcap headers': { any: 'libpcap-dev', dnf: 'libpcap-devel', zypper: 'libpcap-devel', pacman: 'libpcap' },
};

export const findPackageManager = (): PackageManager | null => MANAGERS.find((manager) => existsSync(manager.program)) ?? null;

/** `sudo apt-get install conntrack`; where no known package manager is, the package's usual name in words. */
export const installCommand = (program: string, manager: PackageManager | null): string => {
  const names = PACKAGES[program] ?? { any: program };
  if (manager === null) return `install the package that brings ${program} (often called ${names.any})`;
  return `sudo ${manager.install} ${names[manager.name] ?? names.any}`;
};
