/**
 * ARP and neighbour discovery beside the kernel: for which addresses, its own and others', the host answers on a link under each of the
 * switches that decide it. The questions are put on the wire.
 */

import { beforeAll, expect, it } from 'vitest';
import { answersFor } from '../../../src/path/proxy.ts';
import { ip } from '../../addresses.ts';
import { describeLab } from '../../lab/root.ts';
import { arpAnswers, arpQuestion, ndpAnswers, ndpQuestion, openWired, type WiredHost } from './wire.ts';

/** Its own addresses on the link, on another, of scope host and link; others behind each link, by the default route, and nowhere. */
const TARGETS = ['10.0.0.1', '10.1.0.1', '10.9.9.9', '10.8.8.8', '10.0.0.77', '10.1.0.9', '10.3.0.9', '198.51.100.7', '10.66.0.1'];
const ASKERS = ['10.0.0.9', '10.1.0.8', '10.5.0.9'];
const TARGETS6 = ['fd00::1', 'fd01::1', 'fd00::77', 'fd01::77', 'fd01::78'];

const BEGIN = `
  sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.d0.arp_ignore=0 net.ipv4.conf.all.arp_filter=0 net.ipv4.conf.d0.arp_filter=0
  sysctl -qw net.ipv4.conf.all.proxy_arp=0 net.ipv4.conf.d0.proxy_arp=0 net.ipv4.conf.all.proxy_arp_pvlan=0 net.ipv4.conf.d0.proxy_arp_pvlan=0
  sysctl -qw net.ipv4.conf.d0.forwarding=1 net.ipv4.conf.d0.proxy_arp=0 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.d0.forwarding=1
  sysctl -qw net.ipv6.conf.d0.proxy_ndp=0 net.ipv6.conf.all.proxy_ndp=0
  ip neigh flush proxy 2>/dev/null || true`;

describeLab('answers of the host on a link', () => {
  let host: WiredHost;
  beforeAll(() => {
    host = openWired('arp', 2);
    host.sh(`
      ip addr add 10.0.0.1/24 dev d0; ip addr add 10.1.0.1/24 dev d1; ip addr add 10.9.9.9/32 dev lo scope host; ip addr add 10.8.8.8/32 dev lo scope link
      ip route add default via 10.1.0.2; ip route add 10.3.0.0/24 via 10.0.0.3; ip route add blackhole 10.66.0.0/24; ip route add 10.5.0.0/24 dev d0
      ip -6 addr add fd00::1/64 nodad dev d0; ip -6 addr add fd01::1/64 nodad dev d1
      sysctl -qw net.ipv4.neigh.d0.proxy_delay=0 net.ipv6.neigh.d0.proxy_delay=0`);
    return () => host.close();
  }, 60_000);

  it('follow arp_ignore, arp_filter, proxy_arp, proxy_arp_pvlan, entries and forwarding', () => {
    const settings = [
      'true',
      ...[1, 2, 3, 4, 8].map((mode) => `sysctl -qw net.ipv4.conf.d0.arp_ignore=${mode}`),
      'sysctl -qw net.ipv4.conf.all.arp_ignore=2 net.ipv4.conf.d0.arp_ignore=1',
      'sysctl -qw net.ipv4.conf.all.arp_filter=1',
      'sysctl -qw net.ipv4.conf.d0.proxy_arp=1',
      'sysctl -qw net.ipv4.conf.all.proxy_arp=1 net.ipv4.conf.d0.forwarding=0',
      'sysctl -qw net.ipv4.conf.d0.proxy_arp_pvlan=1',
      'sysctl -qw net.ipv4.conf.all.proxy_arp_pvlan=1',
      'ip neigh add proxy 10.1.0.9 dev d0; ip neigh add proxy 10.0.0.77 dev d0',
    ];
    const found = settings.flatMap((setting) => {
      host.sh(`${BEGIN}\n${setting}`);
      const model = host.model();
      const questions = TARGETS.flatMap((target) => ASKERS.map((asker) => ({ target, asker })));
      const frames = host.send(questions.map(({ target, asker }) => [arpQuestion('e0', asker, target)]));
      return questions.flatMap(({ target, asker }, at) => {
        const kernel = arpAnswers(frames[at] ?? []).includes(`e0 ${target}`);
        const said = answersFor(model, 'd0', ip(target), ip(asker));
        return said.value === kernel
          ? []
          : [`${setting}: ${asker} asks for ${target}: kernel ${kernel}, path ${said.value} by ${said.text}`];
      });
    });
    expect(found).toEqual([]);
  }, 60_000);

  it('of IPv6 follow proxy_ndp, entries and forwarding', () => {
    const entries = 'ip -6 neigh add proxy fd00::77 dev d0; ip -6 neigh add proxy fd01::77 dev d0';
    const settings = [
      'true',
      entries,
      `sysctl -qw net.ipv6.conf.d0.proxy_ndp=1; ${entries}`,
      `sysctl -qw net.ipv6.conf.all.proxy_ndp=1; ${entries}`,
      `sysctl -qw net.ipv6.conf.d0.proxy_ndp=1 net.ipv6.conf.d0.forwarding=0; ${entries}`,
    ];
    const found = settings.flatMap((setting) => {
      host.sh(
        `${BEGIN}\nip -6 neigh flush proxy 2>/dev/null || true; ip -6 neigh del proxy fd00::77 dev d0 2>/dev/null || true; ip -6 neigh del proxy fd01::77 dev d0 2>/dev/null || true\n${setting}`,
      );
      const model = host.model();
      const frames = host.send(TARGETS6.map((target) => [ndpQuestion('e0', 'fd00::9', target)]));
      return TARGETS6.flatMap((target, at) => {
        const kernel = ndpAnswers(frames[at] ?? []).includes(`e0 ${target}`);
        const said = answersFor(model, 'd0', ip(target), ip('fd00::9'));
        return said.value === kernel ? [] : [`${setting}: ${target}: kernel ${kernel}, path ${said.value} by ${said.text}`];
      });
    });
    expect(found).toEqual([]);
  }, 60_000);
});
