/** Each target: what it does to a packet. iptables-extensions(8), "TARGET EXTENSIONS", and the kernel file named with each. */
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/base/ip-address.ts';
import type { HookOutcome } from '../../../src/netfilter/evaluation.ts';
import { ip } from '../../addresses.ts';
import { env, icmp, runTarget, type SkbChange, skb, udp } from '../support.ts';

const filter = (target: string, packet = skb(), options = {}) => runTarget('filter', 'FORWARD', target, packet, options);
const mangle = (target: string, change: SkbChange = {}) => runTarget('mangle', 'PREROUTING', target, skb(change));
const lastNote = (outcome: HookOutcome): string | undefined => outcome.steps.at(0)?.note;

describe('ACCEPT, DROP, RETURN (iptables(8), TARGETS; ipt_do_table in ip_tables.c)', () => {
  it.each([
    ['ACCEPT', 'accept', 1],
    ['DROP', 'drop', 1],
    ['RETURN', 'accept', null],
  ] as const)('%s', (target, verdict, rule) => {
    const outcome = filter(target);
    expect(outcome.verdict).toBe(verdict);
    expect(outcome.decided.rule).toBe(rule);
  });
});

describe('REJECT (ipt_REJECT.c, ip6t_REJECT.c)', () => {
  it.each([
    ['REJECT', 'ip', 'icmp-port-unreachable'],
    ['REJECT --reject-with icmp-host-prohibited', 'ip', 'icmp-host-prohibited'],
    ['REJECT', 'ip6', 'icmp6-port-unreachable'],
  ] as const)('%s in %s', (target, family, rejectWith) => {
    const outcome = filter(target, skb({ family: family === 'ip' ? 4 : 6 }), { family });
    expect(outcome).toMatchObject({ verdict: 'reject', rejectWith });
  });

  it('tcp-reset', () => {
    expect(filter('REJECT --reject-with tcp-reset', skb(), { condition: '-p tcp' })).toMatchObject({
      verdict: 'reject',
      rejectWith: 'tcp-reset',
    });
  });
});

describe('targets that let the packet go on', () => {
  it.each([
    ['LOG --log-prefix "[BLOCK] "', 'xt_LOG.c', 'log', '[BLOCK] '],
    ['NFLOG --nflog-prefix x --nflog-group 2', 'xt_NFLOG.c', 'log', 'x'],
    ['ULOG --ulog-prefix y', 'ipt_ULOG.c', 'log', 'y'],
    ['AUDIT --type accept', 'xt_AUDIT.c', 'log', undefined],
    ['TRACE', 'xt_TRACE.c', 'log', undefined],
    ['TEE --gateway 10.0.0.9', 'xt_TEE.c', 'continue', 'a copy goes to 10.0.0.9'],
    ['TCPMSS --clamp-mss-to-pmtu', 'xt_TCPMSS.c', 'continue', undefined],
    ['TCPOPTSTRIP --strip-options sack-permitted', 'xt_TCPOPTSTRIP.c', 'continue', undefined],
    ['CLASSIFY --set-class 1:2', 'xt_CLASSIFY.c', 'continue', undefined],
    ['CHECKSUM --checksum-fill', 'xt_CHECKSUM.c', 'continue', undefined],
    ['SET --add-set x src --exist', 'xt_set.c', 'continue', undefined],
    ['ECN --ecn-tcp-remove', 'ipt_ECN.c', 'continue', undefined],
    ['RATEEST --rateest-name r --rateest-interval 250ms --rateest-ewmalog 500ms', 'xt_RATEEST.c', 'continue', undefined],
    ['IDLETIMER --timeout 5 --label idle', 'xt_IDLETIMER.c', 'continue', undefined],
    ['LED --led-trigger-id ssh --led-delay 1000', 'xt_LED.c', 'continue', undefined],
    ['SECMARK --selctx system_u:object_r:httpd_packet_t:s0', 'xt_SECMARK.c', 'continue', undefined],
    ['CONNSECMARK --save', 'xt_CONNSECMARK.c', 'continue', undefined],
    ['CT --helper ftp', 'xt_CT.c', 'continue', undefined],
  ] as const)('%s (%s)', (target, _source, action, note) => {
    const packet = skb();
    const outcome = filter(target, packet);
    expect(outcome.verdict).toBe('accept');
    expect(outcome.steps[0]?.action).toBe(action);
    expect(lastNote(outcome)).toBe(note);
    expect(outcome.skb).toBe(packet);
    expect(outcome.decided.rule).toBeNull();
  });
});

describe('MARK (mark_tg in xt_mark.c)', () => {
  it.each([
    ['MARK --set-xmark 0x4000/0x4000', 0x1, 0x4001],
    ['MARK --set-xmark 0x5/0xffffffff', 0x1, 0x5],
    ['MARK --set-xmark 0x4000/0x0', 0x4000, 0x0],
    ['MARK --set-xmark 0x0/0xffffff00', 0x1ff, 0xff],
    ['MARK --set-mark 5', 0xf0, 5],
    ['MARK --set-mark 0x1/0xf', 0xff, 0xf1],
    ['MARK --or-mark 0x80000000', 1, 0x8000_0001],
    ['MARK --and-mark 0xff', 0x1234, 0x34],
    ['MARK --xor-mark 0x3', 0x1, 0x2],
  ])('%s turns %i into %i', (target, before, after) => {
    expect(mangle(target, { mark: before }).skb.mark).toBe(after);
  });

  it('says what changed', () => expect(lastNote(mangle('MARK --set-xmark 0x4000/0x4000'))).toBe('mark 0x0 -> 0x4000'));

  it('makes an unknown mark known when it sets all bits', () => {
    expect(mangle('MARK --set-xmark 0x5/0xffffffff', { markUnknown: 'why' }).skb.markUnknown).toBeUndefined();
    expect(mangle('MARK --set-xmark 0x5/0xff', { markUnknown: 'why' }).skb.markUnknown).toBe('why');
  });

  it('HMARK leaves a mark that nobody can foretell', () => {
    expect(mangle('HMARK --hmark-tuple src --hmark-mod 10').skb.markUnknown).toMatch(/hash/);
  });
});

describe('CONNMARK (connmark_tg in xt_connmark.c)', () => {
  it.each([
    ['CONNMARK --set-xmark 0x4/0xffffffff', 0, 0, 0, 4],
    ['CONNMARK --set-xmark 0x4/0xf', 0, 0xf1, 0, 0xf4],
    ['CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff', 7, 1, 7, 7],
    ['CONNMARK --save-mark --nfmask 0xf --ctmask 0xf0', 0x17, 0xff, 0x17, 0x08],
    ['CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff', 7, 1, 1, 1],
    ['CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff', 0x100, 0x23, 0x123, 0x23],
  ])('%s with mark %i and connection mark %i', (target, mark, ctMark, markAfter, ctMarkAfter) => {
    const outcome = mangle(target, { mark, ct: { mark: ctMark } });
    expect(outcome.skb.mark).toBe(markAfter);
    expect(outcome.skb.ct.mark).toBe(ctMarkAfter);
  });

  it('copies what is not known as not known', () => {
    expect(mangle('CONNMARK --restore-mark', { ct: { mark: null } }).skb.markUnknown).toMatch(/not known/);
    expect(mangle('CONNMARK --save-mark', { markUnknown: 'why' }).skb.ct.mark).toBeNull();
  });

  it('passes packets without a connection through', () => {
    expect(mangle('CONNMARK --restore-mark', { mark: 3, ct: { state: 'INVALID', mark: 9 } }).skb.mark).toBe(3);
  });
});

describe('the IP header (xt_HL.c, xt_DSCP.c)', () => {
  it.each([
    ['TTL --ttl-set 10', 'ttl', 10],
    ['TTL --ttl-inc 250', 'ttl', 255],
    ['TTL --ttl-dec 70', 'ttl', 0],
    ['TOS --set-tos 0x10/0xff', 'tos', 0x10],
    ['TOS --set-tos 0x8/0x0', 'tos', 0x8],
    ['TOS --and-tos 0xf', 'tos', 0],
    ['DSCP --set-dscp 0x0a', 'tos', 40],
  ] as const)('%s', (target, field, value) => expect(mangle(target).skb[field]).toBe(value));

  it('HL is the same for IPv6', () => {
    const outcome = runTarget('mangle', 'PREROUTING', 'HL --hl-dec 3', skb({ family: 6, ttl: 64 }), { family: 'ip6' });
    expect(outcome.skb.ttl).toBe(61);
  });

  it('keeps a TTL that is not known, unless it is set', () => {
    expect(mangle('TTL --ttl-inc 1', { ttl: null }).skb.ttl).toBeNull();
    expect(mangle('TTL --ttl-set 1', { ttl: null }).skb.ttl).toBe(1);
  });
});

describe('CT and NOTRACK (xt_CT.c)', () => {
  const raw = (target: string, change: SkbChange = {}) =>
    runTarget('raw', 'PREROUTING', target, skb({ ct: { state: 'INVALID' }, ...change }));
  it.each(['CT --notrack', 'NOTRACK'])('%s', (target) => {
    const outcome = raw(target);
    expect(outcome.steps[0]?.action).toBe('notrack');
    expect(outcome.skb.ct.state).toBe('UNTRACKED');
  });

  it('leaves packets alone that come back on lo with their connection', () => {
    expect(raw('CT --notrack', { inDev: 'lo', ct: { state: 'NEW' } }).skb.ct.state).toBe('NEW');
  });

  it('leaves packets alone that another such rule has taken', () => {
    expect(raw('CT --zone 5', { ct: { state: 'UNTRACKED' } }).skb.ct).toMatchObject({ state: 'UNTRACKED', zone: 0 });
    expect(raw('CT --zone 5\n-A PREROUTING -j NOTRACK').skb.ct).toMatchObject({ zone: 5 });
  });

  it('with a zone shows a new, confirmed connection of no protocol until connection tracking comes', () => {
    expect(raw('CT --zone 5').skb.ct).toMatchObject({ state: 'NEW', confirmed: true, protocol: 0 });
  });

  it('gives a zone', () => expect(raw('CT --zone 5').skb.ct.zone).toBe(5));
});

describe('NAT (xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c; get_unique_tuple in nf_nat_core.c)', () => {
  const host = env({ masqueradeAddress: () => ip('203.0.113.1'), redirectAddress: () => ip('10.0.0.254') });
  const nat = (chain: string, target: string, change: SkbChange = {}, family: 'ip' | 'ip6' = 'ip') => {
    const outcome = runTarget('nat', chain, target, skb(change), { host, condition: '-p tcp', family });
    const { kind, address, port, note } = outcome.nat ?? { kind: null, address: null, port: null };
    expect(outcome.verdict).toBe('accept');
    return [kind, address === null ? null : formatIp(address), port, note];
  };

  it.each([
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2:80', { dstPort: 8080 }, ['dnat', '172.17.0.2', 80, undefined]],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2', {}, ['dnat', '172.17.0.2', 80, undefined]],
    ['PREROUTING', 'DNAT --to-destination :8080', {}, ['dnat', '10.0.0.2', 8080, undefined]],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2-172.17.0.9', {}, ['dnat', null, 80, 'one of 172.17.0.2 to 172.17.0.9']],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2:70-90', {}, ['dnat', '172.17.0.2', 80, undefined]],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2:81-90', {}, ['dnat', '172.17.0.2', null, 'one of ports 81 to 90']],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2:70-90 --random', {}, ['dnat', '172.17.0.2', null, 'one of ports 70 to 90']],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2 --random', {}, ['dnat', '172.17.0.2', 80, undefined]],
    ['PREROUTING', 'DNAT --to-destination 172.17.0.2:6000-6010/5000', { dstPort: 5003 }, ['dnat', '172.17.0.2', 6003, undefined]],
    ['PREROUTING', 'REDIRECT --to-ports 3128', {}, ['redirect', '10.0.0.254', 3128, undefined]],
    ['PREROUTING', 'REDIRECT', {}, ['redirect', '10.0.0.254', 80, undefined]],
    ['PREROUTING', 'NETMAP --to 10.1.0.0/24', {}, ['dnat', '10.1.0.2', 80, undefined]],
    ['POSTROUTING', 'NETMAP --to 10.1.0.0/24', {}, ['snat', '10.1.0.1', 40000, undefined]],
    ['POSTROUTING', 'SNAT --to-source 203.0.113.10', {}, ['snat', '203.0.113.10', 40000, undefined]],
    ['POSTROUTING', 'SNAT --to-source :53', {}, ['snat', '10.0.0.1', 53, undefined]],
    ['POSTROUTING', 'SNAT --to-source 203.0.113.10:1-9', {}, ['snat', '203.0.113.10', null, 'one of ports 1 to 9']],
    ['POSTROUTING', 'SNAT --to-source 203.0.113.10 --random-fully', {}, ['snat', '203.0.113.10', null, 'a random port']],
    ['POSTROUTING', 'MASQUERADE', {}, ['masquerade', '203.0.113.1', 40000, undefined]],
    ['POSTROUTING', 'MASQUERADE --to-ports 1024-65535', {}, ['masquerade', '203.0.113.1', 40000, undefined]],
  ] as const)('%s %s', (chain, target, change, expected) => expect(nat(chain, target, change)).toEqual(expected));

  it('reads IPv6 targets', () => {
    expect(nat('PREROUTING', 'DNAT --to-destination [fd00::9]:80', { family: 6 }, 'ip6')).toEqual(['dnat', 'fd00::9', 80, undefined]);
    expect(nat('PREROUTING', 'DNAT --to-destination fd00::9', { family: 6 }, 'ip6')).toEqual(['dnat', 'fd00::9', 80, undefined]);
  });

  it('gives protocols without ports none', () => {
    expect(runTarget('nat', 'POSTROUTING', 'MASQUERADE', icmp(8), { host }).nat).toMatchObject({ kind: 'masquerade', port: null });
  });

  it('names addresses and ports as they were and as they become', () => {
    const outcome = runTarget('nat', 'PREROUTING', 'DNAT --to-destination 172.17.0.2:80', skb({ dst: '203.0.113.1', dstPort: 8080 }), {
      condition: '-p tcp',
    });
    expect(outcome.steps[0]).toMatchObject({ action: 'dnat', note: '203.0.113.1:8080 -> 172.17.0.2:80' });
  });

  it('leaves the address open where the host does not tell it', () => {
    const outcome = runTarget('nat', 'POSTROUTING', 'MASQUERADE', udp());
    expect(outcome.nat).toMatchObject({ address: null, note: 'an address of eth1' });
  });

  it('does not masquerade a source of 0.0.0.0', () => {
    const outcome = runTarget('nat', 'POSTROUTING', 'MASQUERADE', udp({ src: '0.0.0.0' }), { host });
    expect(outcome.nat).toBeNull();
  });

  it('takes ACCEPT in nat as: no translation', () => {
    expect(runTarget('nat', 'PREROUTING', 'ACCEPT', skb())).toMatchObject({ verdict: 'accept', nat: null });
  });
});

describe('targets that leave the end to others', () => {
  it.each([
    ['NFQUEUE --queue-num 3', 'xt_NFQUEUE.c', 'queue', 'a program that listens on queue 3 decides'],
    ['QUEUE', 'xt_NFQUEUE.c', 'queue', 'a program that listens on queue 0 decides'],
    ['TPROXY --on-port 80', 'xt_TPROXY.c', 'continue', /TPROXY/],
    ['SYNPROXY --mss 1460', 'ipt_SYNPROXY.c', 'continue', /SYNPROXY/],
    ['CLUSTERIP --new --hashmode sourceip', 'ipt_CLUSTERIP.c', 'continue', /node of the cluster/],
    ['NOSUCHTARGET --x', 'iptables(8)', 'continue', /NOSUCHTARGET/],
    ['DNAT --to-destination nonsense', 'xt_nat.c', 'continue', /not understood/],
    ['MARK --set-xmark much', 'xt_mark.c', 'continue', /not understood/],
    ['CONNMARK --save-mark --left-shift-mark 2', 'xt_connmark.c', 'continue', /not understood/],
  ])('%s (%s)', (target, _source, action, reason) => {
    const outcome = filter(target);
    expect(outcome.verdict).toBe('unknown');
    expect(outcome.steps[0]?.action).toBe(action);
    expect(outcome.assumptions.join()).toMatch(reason);
  });
});
