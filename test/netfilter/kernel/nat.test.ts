/**
 * NAT targets against the kernel: each rule for one source port, a connection through it, and the reply tuple that conntrack keeps.
 * Where the evaluation leaves the choice open, the kernel's must lie in the range that it names.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatIp, parseIp, parseMac } from '../../../src/base/ip-address.ts';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import { applyNat, describeTuple, translateDestination } from '../../../src/netfilter/conntrack.ts';
import type { BaseChain, MatchEnv } from '../../../src/netfilter/evaluation.ts';
import type { Skb } from '../../../src/netfilter/skb.ts';
import type { Tuple } from '../../../src/netfilter/tuple.ts';
import { describeLab } from '../../lab/root.ts';
import { single } from '../support.ts';
import { type Backend, countersOf, hostEnv, readRules } from './counters.ts';
import { arriving, craft, type PacketPlan } from './craft.ts';
import { restore } from './loading.ts';
import { FAR_DEVICE, HOST_DEVICE, type NamespacePair, openPair, SENDER_MAC } from './namespaces.ts';

interface NatCase {
  readonly chain: 'PREROUTING' | 'INPUT' | 'POSTROUTING';
  readonly target: string;
  readonly dport?: number;
  /** 10.77.0.2 is the host itself, 10.78.0.9 lies behind it. */
  readonly dst?: string;
}

const HERE = '10.77.0.2';
const FAR = '10.78.0.9';

const CASES: readonly NatCase[] = [
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:81' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination :82' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20-10.77.0.23' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:70-90' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:8000-8010', dport: 22 },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:8000-8010 --random' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:6000-6010/5000', dport: 5003 },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20:6000-6010/5000', dport: 5025 },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.20 --random' },
  { chain: 'PREROUTING', target: 'DNAT --to-destination 10.77.0.2' },
  { chain: 'PREROUTING', target: 'REDIRECT' },
  { chain: 'PREROUTING', target: 'REDIRECT', dst: FAR },
  { chain: 'PREROUTING', target: 'REDIRECT --to-ports 8080' },
  { chain: 'PREROUTING', target: 'REDIRECT --to-ports 70-90' },
  { chain: 'PREROUTING', target: 'REDIRECT --to-ports 8000-8010' },
  { chain: 'PREROUTING', target: 'NETMAP --to 10.77.0.16/28' },
  { chain: 'PREROUTING', target: 'ACCEPT' },
  { chain: 'INPUT', target: 'SNAT --to-source 192.0.2.7' },
  { chain: 'INPUT', target: 'SNAT --to-source 192.0.2.7:1000-1010' },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.7', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.7:53', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source :54', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.8-192.0.2.9', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.7 --random', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.7:1024-65535 --random-fully', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 192.0.2.7:1024-65535', dst: FAR },
  { chain: 'POSTROUTING', target: 'SNAT --to-source 10.77.0.1 --persistent', dst: FAR },
  { chain: 'POSTROUTING', target: 'MASQUERADE', dst: FAR },
  { chain: 'POSTROUTING', target: 'MASQUERADE --to-ports 2000-2010', dst: FAR },
  { chain: 'POSTROUTING', target: 'MASQUERADE --random-fully', dst: FAR },
  { chain: 'POSTROUTING', target: 'NETMAP --to 198.51.100.0/24', dst: FAR },
];

const FIRST_PORT = 20000;

const rules = (): string =>
  [
    '*nat',
    ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...CASES.map(({ chain, target }, index) => `-A ${chain} -p udp -m udp --sport ${FIRST_PORT + index} -j ${target}`),
    'COMMIT',
    '',
  ].join('\n');

const env: MatchEnv = {
  ...hostEnv(),
  redirectAddress: () => parseIp(HERE),
  masqueradeAddress: (dev) => (dev === FAR_DEVICE ? parseIp('10.78.0.1') : null),
};

/** The packet through the nat chains of its way; the last translation, and the connection that it makes. */
const translate = (chains: readonly BaseChain[], packet: Skb, far: boolean) => {
  const chain = (name: string) => chains.find((base) => base.table === 'nat' && base.name === name) as BaseChain;
  const first = single(chain('PREROUTING').evaluate(packet, env, false));
  const ct = first.nat === null ? packet.ct : applyNat(packet.ct, first.nat);
  if (first.nat !== null && ct === null) return { outcome: first, reply: null };
  const routed = translateDestination({ ...packet, ct: ct as Skb['ct'] });
  // A destination that REDIRECT turned to the host itself is not forwarded any more.
  const forwarded = far && formatIp(routed.dst) === FAR;
  const last = single(
    chain(forwarded ? 'POSTROUTING' : 'INPUT').evaluate({ ...routed, outDev: forwarded ? FAR_DEVICE : null }, env, false),
  );
  if (last.nat === null) return { outcome: first, reply: routed.ct.reply };
  return { outcome: last, reply: applyNat(routed.ct, last.nat)?.reply ?? null };
};

/** `udp 17 29 src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… sport=… dport=…` */
const kernelReply = (pair: NamespacePair, sport: number): Tuple => {
  const line = pair.host('conntrack', ['-L', '-p', 'udp', '--orig-port-src', String(sport)]);
  const values = [...line.matchAll(/(src|dst|sport|dport)=(\S+)/g)].map((match) => match[2] as string).slice(4);
  const [src, dst, srcPort, dstPort] = values;
  const from = parseIp(src ?? '');
  const to = parseIp(dst ?? '');
  if (from === null || to === null) throw new Error(`no connection: ${line}`);
  return { src: from, dst: to, srcPort: Number(srcPort), dstPort: Number(dstPort) };
};

describeLab('NAT of the kernel', () => {
  let pair: NamespacePair;
  beforeAll(async () => {
    pair = await openPair('nt');
    for (let host = 16; host < 32; host++) pair.host('ip', ['addr', 'add', `10.77.0.${host}/32`, 'dev', 'lo']);
    pair.host('sysctl', ['-qw', `net.ipv4.conf.${HOST_DEVICE}.accept_local=1`]);
  });
  afterAll(() => pair?.close());

  it.each(['nft', 'legacy'] as const)('%s', async (backend: Backend) => {
    restore(pair, backend === 'nft' ? 'legacy' : 'nft', 'ip', '*nat\nCOMMIT\n');
    restore(pair, backend, 'ip', rules());
    pair.host('conntrack', ['-F']);
    const chains = compileRuleset(readRules(pair, backend, 'ip'));
    for (const [index, { dst = HERE, dport = 80, target }] of CASES.entries()) {
      const plan: PacketPlan = { name: target, src: '10.77.0.1', dst, protocol: 17, sport: FIRST_PORT + index, dport };
      const bytes = craft(plan);
      const packet = arriving(plan, bytes, HOST_DEVICE, parseMac(SENDER_MAC) as number);
      const before = countersOf(readRules(pair, backend, 'ip'));
      await pair.send(bytes);
      const after = countersOf(readRules(pair, backend, 'ip'));
      const moved = [...after]
        .filter(([key, { packets }]) => !key.endsWith('policy') && packets !== before.get(key)?.packets)
        .map(([key]) => key);
      const { outcome, reply } = translate(chains, packet, dst === FAR);
      expect(moved, target).toEqual([`nat ${outcome.decided.chain} ${outcome.decided.rule}`]);
      const kernel = kernelReply(pair, FIRST_PORT + index);
      if (reply !== null && reply.srcPort !== null && reply.dstPort !== null) {
        expect(describeTuple(reply, 17), target).toBe(describeTuple(kernel, 17));
        continue;
      }
      const note = outcome.nat?.note ?? 'nothing was left open';
      const span = /one of (?:ports )?(\S+) to (\S+)/.exec(note);
      const isSource = outcome.nat?.kind === 'snat' || outcome.nat?.kind === 'masquerade';
      const chosen = note.includes('port') ? (isSource ? kernel.dstPort : kernel.srcPort) : isSource ? kernel.dst.a : kernel.src.a;
      if (span === null) expect(note, target).toBe('a random port');
      else {
        const bound = (text: string | undefined): number => (note.includes('port') ? Number(text) : (parseIp(text ?? '')?.a ?? Number.NaN));
        expect(chosen, target).toBeGreaterThanOrEqual(bound(span[1]));
        expect(chosen, target).toBeLessThanOrEqual(bound(span[2]));
      }
    }
  });
});
