/**
 * Forwarded packets beside the kernel: how long they may be and who is told, how far they get, and what address masquerading gives them.
 * Each packet is judged, then put on the wire; what comes out, or the error that comes back, must be as foretold.
 */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { judge, judgeBoth } from '../../../src/path/judge.ts';
import type { PacketSpec, Verdict } from '../../../src/path/verdict.ts';
import { describeLab } from '../../lab/root.ts';
import { arpAnswers, arpQuestion, frameOf, hostMac, ndpAnswers, ndpQuestion, openWired, seenIn, type WiredHost, wireMac } from './wire.ts';

interface Asked {
  readonly src: string;
  readonly dst: string;
  readonly length?: number;
  readonly dontFragment?: boolean;
  readonly ttl?: number;
}

const specOf = ({ src, dst, length = 128, dontFragment, ttl = 64 }: Asked): PacketSpec => ({
  ...{ in: 'd0', src, dst, srcMac: wireMac(0), dstMac: hostMac(0), proto: 17, sport: 4000, dport: 53, length, ttl },
  ...(dontFragment === undefined ? {} : { dontFragment }),
});

/** What the kernel does with them, in the words of `foretold`. */
const done = (host: WiredHost, asked: readonly Asked[]): string[] => {
  const id = 4242;
  const sent = asked.map(({ src, dst, length = 128, dontFragment, ttl = 64 }) => {
    const payload = Array.from({ length: length - (src.includes(':') ? 48 : 28) }, () => 0);
    const plan = { id, src, dst, protocol: 17, sport: 4000, dport: 53, ttl, payload };
    return [frameOf('e0', dontFragment === undefined ? plan : { ...plan, dontFragment })];
  });
  return host.send(sent).map((frames) => {
    const seen = seenIn(frames);
    const error = seen.find((packet) => packet.dev === 'e0' && packet.error?.about === id)?.error;
    if (error != null) return error.kind === '11/0' || error.kind === '3/0' ? 'time exceeded' : `too long for ${error.mtu}`;
    const out = seen.find((packet) => packet.id === id);
    return out === undefined ? 'lost' : `out by ${out.dev.replace('e', 'd')} from ${out.src}`;
  });
};

const foretold = (verdict: Verdict, src: string): string => {
  if (verdict.outcome === 'accept') {
    const to = verdict.nat.find((entry) => entry.kind === 'masquerade' || entry.kind === 'snat')?.to ?? src;
    return `out by ${verdict.out} from ${to.replace(/^\[(.*)\]:\d+$|^([\d.]+):\d+$/, '$1$2')}`;
  }
  const told = verdict.steps.at(-1)?.note ?? '';
  const mtu = /(?:packet too big|fragmentation needed), mtu (\d+)/.exec(told)?.[1];
  if (mtu !== undefined) return `too long for ${mtu}`;
  return told.includes('is told: time exceeded') ? 'time exceeded' : verdict.outcome;
};

describeLab('forwarded packets', () => {
  let host: WiredHost;
  beforeAll(() => {
    host = openWired('fw', 3);
    host.sh('sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv6.icmp.ratelimit=0');
    return () => host.close();
  }, 60_000);
  const clean = (): void => {
    host.sh(`
      iptables-nft -t nat -F; ip6tables-nft -t nat -F; conntrack -F 2>/dev/null
      for d in d0 d1 d2; do
        ip -4 addr flush dev $d; ip -6 addr flush dev $d scope global; ip neigh flush dev $d nud permanent 2>/dev/null; ip link set $d mtu 1500
      done
      ip route flush table main; ip -6 route flush table main proto boot 2>/dev/null || true; ip -6 route flush cache; ip route flush cache`);
  };
  afterEach(clean);

  const begin = (more = ''): void => {
    host.sh(`
      ip addr add 10.0.0.1/24 dev d0; ip addr add 10.1.0.1/24 dev d1; ip -6 addr add fd00::1/64 nodad dev d0; ip -6 addr add fd01::1/64 nodad dev d1
      ip route add default via 10.1.0.2; ip -6 route add default via fd01::2 dev d1
      ip neigh replace 10.0.0.9 lladdr ${wireMac(0)} dev d0 nud permanent; ip neigh replace fd00::9 lladdr ${wireMac(0)} dev d0 nud permanent
      ip neigh replace 10.1.0.2 lladdr ${wireMac(1)} dev d1 nud permanent; ip neigh replace fd01::2 lladdr ${wireMac(1)} dev d1 nud permanent
      ${more}`);
  };

  const compare = (asked: readonly Asked[]): string[] => {
    const model = host.model();
    const kernel = done(host, asked);
    return asked.flatMap((each, at) => {
      const said = foretold(judge(model, specOf(each)), each.src);
      return said === kernel[at] ? [] : [`${JSON.stringify(each)}: kernel ${kernel[at]}, path ${said}`];
    });
  };

  const FOUR = { src: '10.0.0.9', dst: '198.51.100.7' };
  const SIX = { src: 'fd00::9', dst: '2001:db8::7' };

  it('too long for the link or the route: whoever forbids fragments is told the size, others pass in pieces', () => {
    const grid = [1280, 1300, 1400, 1401, 1500].flatMap((length) => [
      { ...FOUR, length, dontFragment: true },
      { ...FOUR, length, dontFragment: false },
      { ...SIX, length },
    ]);
    for (const setting of [
      'true',
      'ip link set d1 mtu 1400',
      'ip route replace default via 10.1.0.2 mtu 1300; ip -6 route replace default via fd01::2 dev d1 mtu 1300',
      'ip link set d1 mtu 1300; ip route replace default via 10.1.0.2 mtu 1400',
    ]) {
      begin(setting);
      expect(compare(grid), setting).toEqual([]);
      clean();
    }
  }, 60_000);

  it('that may go no further: the sender is told', () => {
    begin();
    expect(
      compare(
        [1, 2, 64].flatMap((ttl) => [
          { ...FOUR, ttl },
          { ...SIX, ttl },
        ]),
      ),
    ).toEqual([]);
  }, 60_000);

  it('masqueraded: with the address that the kernel chooses among several', () => {
    const far = [FOUR, { ...FOUR, dst: '10.1.0.2' }, { ...FOUR, dst: '10.7.0.7' }];
    for (const setting of [
      'true',
      'ip addr add 10.1.0.5/24 dev d1; ip addr add 10.7.0.1/24 dev d1; ip neigh replace 10.7.0.7 lladdr 02:00:00:00:00:e1 dev d1',
      // The first of the next hop's subnet, not the first of all.
      'ip addr del 10.1.0.1/24 dev d1; ip addr add 10.7.0.1/24 dev d1; ip addr add 10.1.0.1/24 dev d1; ip route replace default via 10.1.0.2; ip neigh replace 10.7.0.7 lladdr 02:00:00:00:00:e1 dev d1; ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:e1 dev d1',
      'ip addr del 10.1.0.1/24 dev d1; ip addr add 10.8.0.3/24 scope link dev d1; ip addr add 10.1.0.4/24 dev d1; ip route replace default via 10.1.0.2; ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:e1 dev d1',
      // Masquerading does not ask for the route's preferred source.
      'ip addr add 10.1.0.6/24 dev d1; ip route replace default via 10.1.0.2 src 10.1.0.6',
      // Without an address of its own the device borrows one.
      'ip addr add 10.2.0.1/24 dev d2; ip addr flush dev d1; ip route add default dev d1; ip neigh replace 198.51.100.7 lladdr 02:00:00:00:00:e1 dev d1; ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:e1 dev d1; ip neigh replace 10.7.0.7 lladdr 02:00:00:00:00:e1 dev d1',
      'ip addr add 10.1.0.9/32 dev d1; ip addr del 10.1.0.1/24 dev d1; ip route replace default via 10.1.0.2 dev d1 onlink; ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:e1 dev d1',
    ]) {
      host.sh('iptables-nft -t nat -A POSTROUTING -o d1 -j MASQUERADE');
      begin(setting);
      expect(compare(far), setting).toEqual([]);
      clean();
    }
  }, 60_000);

  it('masqueraded, of IPv6: by scope, prefix and what is deprecated', () => {
    const far = [SIX, { ...SIX, dst: 'fd01::2' }, { ...SIX, dst: '2001:db8:1::9' }];
    for (const setting of [
      'true',
      'ip -6 addr add 2001:db8:1::1/64 nodad dev d1; ip -6 neigh replace 2001:db8:1::9 lladdr 02:00:00:00:00:e1 dev d1 nud permanent',
      'ip -6 addr add 2001:db8:1::1/64 nodad preferred_lft 0 dev d1; ip -6 neigh replace 2001:db8:1::9 lladdr 02:00:00:00:00:e1 dev d1 nud permanent',
      'ip -6 addr add fd01::5/64 nodad dev d1; ip -6 addr add 2001:db8:0:1::1/64 nodad dev d2',
      'ip -6 addr del fd01::1/64 dev d1; ip -6 addr add 2001:db8:7::1/64 nodad dev d2; ip -6 route replace default dev d1; for a in 2001:db8::7 2001:db8:1::9 fd01::2; do ip -6 neigh replace $a lladdr 02:00:00:00:00:e1 dev d1 nud permanent; done',
    ]) {
      host.sh('ip6tables-nft -t nat -A POSTROUTING -o d1 -j MASQUERADE');
      begin(setting);
      expect(compare(far), setting).toEqual([]);
      clean();
    }
  }, 60_000);

  it('given an address that the host lacks: an answer comes where the host answers for it on the link', () => {
    begin(
      'ip neigh replace 10.1.0.7 lladdr 02:00:00:00:00:e1 dev d1 nud permanent; ip -6 neigh replace fd01::7 lladdr 02:00:00:00:00:e1 dev d1 nud permanent',
    );
    host.sh(`
      sysctl -qw net.ipv4.neigh.d1.proxy_delay=0 net.ipv6.neigh.d1.proxy_delay=0
      iptables-nft -t nat -A POSTROUTING -o d1 -j SNAT --to-source 10.1.0.50; ip6tables-nft -t nat -A POSTROUTING -o d1 -j SNAT --to-source fd01::50`);
    for (const setting of [
      'true',
      'ip neigh add proxy 10.1.0.50 dev d1; ip -6 neigh add proxy fd01::50 dev d1',
      'sysctl -qw net.ipv6.conf.d1.proxy_ndp=1 net.ipv4.conf.d1.proxy_arp_pvlan=1',
      'ip addr add 10.1.0.50/32 dev lo; ip -6 addr add fd01::50/128 nodad dev d1',
      'sysctl -qw net.ipv4.conf.d1.arp_ignore=1',
    ]) {
      host.sh(setting);
      const model = host.model();
      const four = judgeBoth(model, specOf({ ...FOUR, dst: '10.1.0.7' }));
      const six = judgeBoth(model, specOf({ ...SIX, dst: 'fd01::7' }));
      expect([four.verdict.nat[0]?.to, six.verdict.nat[0]?.to], setting).toEqual(['10.1.0.50:4000', '[fd01::50]:4000']);
      const [arp = [], ndp = []] = host.send([[arpQuestion('e1', '10.1.0.7', '10.1.0.50')], [ndpQuestion('e1', 'fd01::7', 'fd01::50')]]);
      const said = [four.reply?.outcome === 'accept', six.reply?.outcome === 'accept'];
      expect([arpAnswers(arp).length > 0, ndpAnswers(ndp).length > 0], setting).toEqual(said);
    }
    host.sh(
      'sysctl -qw net.ipv6.conf.d1.proxy_ndp=0 net.ipv4.conf.d1.proxy_arp_pvlan=0 net.ipv4.conf.d1.arp_ignore=0; ip addr del 10.1.0.50/32 dev lo',
    );
  }, 60_000);
});
