/** What `doctor` makes of what the agent found. */
import { describe, expect, it } from 'vitest';
import type { Capabilities } from '../../src/agent/protocol.ts';
import { doctorChecks } from '../../src/cli/doctor-checks.ts';
import { installCommand, type PackageManager } from '../../src/cli/packages.ts';
import type { DoctorCheck } from '../../src/report/doctor.ts';

const apt: PackageManager = { name: 'apt', program: '/usr/bin/apt-get', install: 'apt-get install' };
const dnf: PackageManager = { name: 'dnf', program: '/usr/bin/dnf', install: 'dnf install' };

const PROGRAMS = ['ip', 'bridge', 'nft', 'ipset', 'conntrack', 'ss', 'tcpdump', 'iptables-nft-save'];

const whole: Capabilities = {
  uid: 0,
  canCapture: true,
  canReadRules: true,
  canEnterNamespaces: true,
  nodeAloneMay: false,
  capLoads: true,
  capError: null,
  programs: Object.fromEntries(PROGRAMS.map((name) => [name, `/usr/sbin/${name}`])),
  docker: { url: 'unix:///var/run/docker.sock', version: '28.5.2', error: null },
  kernelModules: { brNetfilter: true, conntrack: true },
  settings: { ipForward: '1', bridgeNfCallIptables: '1' },
  remote: null,
  traceLeftovers: [],
};

const problems = (found: Capabilities, settings = whole.settings, manager: PackageManager | null = apt): DoctorCheck[] =>
  doctorChecks({ ...found, settings }, manager).filter((check) => check.status !== 'ok');

const without = (name: string): Capabilities => ({ ...whole, programs: { ...whole.programs, [name]: null } });

describe('doctor', () => {
  it('has nothing to say about a whole machine', () => {
    expect(problems(whole)).toEqual([]);
  });

  it.each([
    [{ ...whole, canCapture: false, uid: 1000 }, 'capture', 'missing'],
    [{ ...whole, canCapture: false, nodeAloneMay: true }, 'capture', 'missing'],
    [{ ...whole, canReadRules: false }, 'rules', 'missing'],
    [{ ...whole, canEnterNamespaces: false }, 'namespaces', 'missing'],
    [{ ...whole, capLoads: false, capError: 'no such module' }, 'engine cap', 'limited'],
    [{ ...whole, docker: { url: 'unix:///x', version: null, error: 'connect EACCES /x' } }, 'docker', 'missing'],
    [without('ip'), 'ip', 'missing'],
    [without('nft'), 'nft', 'limited'],
    [without('conntrack'), 'conntrack', 'limited'],
    [without('iptables-nft-save'), 'iptables', 'missing'],
    [{ ...whole, kernelModules: { brNetfilter: false, conntrack: true } }, 'br_netfilter', 'limited'],
  ] as const)('case %#: names %s and what mends it', (found, name, status) => {
    const [only, ...rest] = problems(found);
    expect(rest).toEqual([]);
    expect(only).toMatchObject({ name, status });
    expect(only?.mend).toBeTruthy();
  });

  it('calls the capture engine missing only where none is left', () => {
    const none = { ...without('tcpdump'), capLoads: false };
    expect(problems(none).find((check) => check.name === 'engine cap')?.status).toBe('missing');
  });

  it('reads the sysctls of this namespace', () => {
    expect(problems(whole, { ipForward: '0', bridgeNfCallIptables: '0' }).map((check) => check.mend)).toEqual([
      'sudo sysctl net.bridge.bridge-nf-call-iptables=1',
      'sudo sysctl net.ipv4.ip_forward=1',
    ]);
  });

  it('tells refused from absent', () => {
    const refused = { ...whole, docker: { url: 'u', version: null, error: 'connect EACCES' } };
    const absent = { ...whole, docker: { url: 'u', version: null, error: 'connect ENOENT' } };
    expect(problems(refused)[0]?.mend).toContain('usermod -aG docker');
    expect(problems(absent)[0]?.mend).toContain('systemctl start docker');
  });

  it('names the package as the distribution does', () => {
    expect(installCommand('conntrack', apt)).toBe('sudo apt-get install conntrack');
    expect(installCommand('conntrack', dnf)).toBe('sudo dnf install conntrack-tools');
    expect(installCommand('conntrack', null)).toContain('conntrack-tools');
  });
});
