/** Pings that the host gets and does not answer, ports that nobody can ask for, and connections that nobody begins. */
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { judge, judgeBoth } from '../../src/path/judge.ts';
import { answerBetween } from '../../src/path/question.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';
import { SYSCTL, scene, sysctl } from './scene.ts';

const withSysctl = (name: string, value: number) => scene('28.5', { raw: { [SYSCTL]: sysctl(name, value) } });
const ping: PacketSpec = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'icmp' };

describe('a ping to the host', () => {
  it('is delivered and not answered with icmp_echo_ignore_all=1', () => {
    const world = withSysctl('net.ipv4.icmp_echo_ignore_all', 1);
    const { verdict, reply } = judgeBoth(world.model, ping);
    expect(verdict).toMatchObject({ outcome: 'accept', out: 'local' });
    expect(reply).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'sysctl', text: 'net.ipv4.icmp_echo_ignore_all = 1', reason: 'echo-ignored' },
    });
    const [cause] = diagnose({ spec: ping, verdict, reply, flow: null, facts: world.facts, topology: world.topology });
    expect(cause).toMatchObject({ id: 'echo-ignored', fix: 'sysctl -w net.ipv4.icmp_echo_ignore_all=0' });
  });

  it('is answered without', () => {
    expect(judgeBoth(withSysctl('net.ipv4.icmp_echo_ignore_all', 0).model, ping).reply?.outcome).toBe('accept');
    expect(judgeBoth(withSysctl('net.ipv4.icmp_echo_ignore_broadcasts', 1).model, ping).reply?.outcome).toBe('accept');
  });

  it('to all is not answered with icmp_echo_ignore_broadcasts=1, and by whom else cannot be said', () => {
    const toAll: PacketSpec = { ...ping, dst: '255.255.255.255' };
    expect(judgeBoth(withSysctl('net.ipv4.icmp_echo_ignore_broadcasts', 1).model, toAll).reply).toMatchObject({
      outcome: 'drop',
      decidedBy: { text: 'net.ipv4.icmp_echo_ignore_broadcasts = 1' },
    });
    expect(judgeBoth(withSysctl('net.ipv4.icmp_echo_ignore_broadcasts', 0).model, toAll).reply).toBeNull();
  });

  it('over IPv6 goes by a switch of its own', () => {
    const world = withSysctl('net.ipv6.icmp.echo_ignore_all', 1);
    const six: PacketSpec = { in: null, src: '::1', dst: '::1', proto: 'icmpv6' };
    expect(judgeBoth(world.model, six).reply).toMatchObject({ decidedBy: { text: 'net.ipv6.icmp.echo_ignore_all = 1' } });
    expect(judgeBoth(world.model, ping).reply?.outcome).toBe('accept');
  });
});

describe('a question', () => {
  const world = scene('28.5');
  it.each(['tcp:0', 'udp:0', 'sctp:0'])('with %s is refused, with what to write', (proto) => {
    expect(() => answerBetween(world.model, world.topology, 'web1', 'web2', proto)).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringMatching(/^(tcp|udp|sctp):80/) }),
    );
  });

  it('without a port leaves what rules about ports do unknown', () => {
    const { verdict } = answerBetween(world.model, world.topology, 'outside', 'host', 'tcp');
    expect(verdict.unknowns.join()).toContain("the packet's destination port is not known");
  });
});

describe('docker-proxy', () => {
  it('takes a SYN and no lone reset', () => {
    // Without Docker's rules the published port is the proxy's.
    const { model } = scene('28.5', { raw: { 'iptables-nft-save -c': (text) => text.replace(/^.*-j DNAT .*$/gm, '') } });
    const asked: PacketSpec = { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1', proto: 'tcp', sport: 40000, dport: 8080 };
    expect(judge(model, { ...asked, flags: 'SYN' }).proxiedTo).toBeDefined();
    expect(judge(model, { ...asked, flags: 'RST' }).proxiedTo).toBeUndefined();
    expect(judge(model, { ...asked, flags: 'ACK' }).proxiedTo).toBeUndefined();
  });
});
