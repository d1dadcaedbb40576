/** How long reading, compiling and evaluating rules takes, for rulesets of several sizes and shapes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatIp } from '../../src/base/ip-address.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { compileRuleset } from '../../src/netfilter/compile.ts';
import { newConnection } from '../../src/netfilter/conntrack.ts';
import type { BaseChain, MatchEnv } from '../../src/netfilter/evaluation.ts';
import { compileNftables } from '../../src/netfilter/nft/compile.ts';
import { parseNftables } from '../../src/netfilter/nft/parse.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';
import type { Skb } from '../../src/netfilter/skb.ts';
import { judge, judgeBoth } from '../../src/path/judge.ts';
import { compileHost, type HostModel } from '../../src/path/model.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';
import type { Group } from './group.ts';
import { dockerHost, labDocument } from './hosts.ts';
import { least, most, type Row, rateRow, type Sample, seeded, timed, timedOnce, timeRow } from './measure.ts';
import { nativeKubeProxy, nativeList, nativePortList } from './native-rulesets.ts';
import { dockerBefore28, dockerNetworks, dockerSince28, kubeProxy, plainList, portList } from './rulesets.ts';

export const netfilter: Group = {
  name: 'netfilter',
  title: 'rules: reading, compiling, evaluating',
  run: async (report) => {
    await readingAndCompiling(report);
    throughChains(report);
    throughNativeChains(report);
    throughHosts(report);
  },
};

const SHAPES: readonly { readonly name: string; readonly text: () => string; readonly mostMs?: number }[] = [
  { name: '50 Docker networks', text: () => dockerSince28(dockerNetworks(50, 3)) },
  { name: '5,000 rules, plain', text: () => plainList(5000) },
  { name: '20,000 rules, kube-proxy', text: () => kubeProxy(20_000), mostMs: 500 },
  { name: '20,000 native rules, kube-proxy', text: () => nativeKubeProxy(20_000), mostMs: 500 },
  { name: '20,000 native rules of one chain', text: () => nativeList(20_000), mostMs: 500 },
];

/** In processes of their own, as a command meets a ruleset: once, with nothing warmed up. */
const readingAndCompiling = async (report: (row: Row) => void): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-bench-'));
  try {
    for (const { name, text, mostMs } of SHAPES) {
      const file = join(folder, 'rules');
      writeFileSync(file, text());
      const parsed: number[] = [];
      const compiled: number[] = [];
      let rules = 0;
      const both = await timedOnce(async () => {
        const told = execFileSync(process.execPath, [join(dirname(process.argv[1] ?? ''), 'cold-start.js'), file], { encoding: 'utf8' });
        const [parseMs = 0, compileMs = 0, count = 0] = told.split(' ').map(Number);
        parsed.push(parseMs);
        compiled.push(compileMs);
        rules = count;
        return parseMs + compileMs;
      }, 7);
      const note = `${rules} rules`;
      report(timeRow(`read ${name}`, 'ms', ascending(parsed), { note }));
      report(timeRow(`compile ${name}`, 'ms', ascending(compiled), { note }));
      report(timeRow(`read and compile ${name}`, 'ms', both, { ...(mostMs === undefined ? {} : most(mostMs)), note }));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const ascending = (msPerCall: readonly number[]): Sample => ({ msPerCall: [...msPerCall].sort((x, y) => x - y) });

const NOTHING_KNOWN: MatchEnv = {
  addressType: () => 'UNICAST',
  ipset: () => null,
  masqueradeAddress: () => null,
  redirectAddress: () => null,
  reversePath: () => null,
};

const throughChains = (report: (row: Row) => void): void => {
  const lists = [
    { name: 'one packet through 5,000 rules of one chain', text: plainList(5000), extra: most(1) },
    { name: 'the same, decided by the last condition of each', text: portList(5000), extra: most(1) },
    { name: 'one packet through 20,000 rules of one chain', text: plainList(20_000), extra: {} },
  ];
  for (const { name, text, extra } of lists) {
    const chain = compileRuleset(parseSave(text, { backend: 'nft', family: 'ip' })).find((one) => one.name === 'FORWARD') as BaseChain;
    const packets = samplePackets(64);
    report(
      timeRow(
        name,
        'ms',
        timed(() => packets.map((packet) => chain.evaluate(packet, NOTHING_KNOWN, false))),
        extra,
        packets.length,
      ),
    );
    if (extra === lists[0]?.extra) {
      const explained = timed(() => packets.map((packet) => chain.evaluate(packet, NOTHING_KNOWN, true)));
      report(timeRow(`${name}, with near misses`, 'ms', explained, {}, packets.length));
    }
  }
  const chain = compileRuleset(parseSave(kubeProxy(20_000), { backend: 'nft', family: 'ip' })).find(
    (one) => one.name === 'PREROUTING',
  ) as BaseChain;
  const random = seeded(7);
  const packets = samplePackets(64).map((packet) => ({
    ...packet,
    dst: { ...packet.dst, a: (0xac1e_0001 + Math.floor(random() * 1800)) >>> 0 },
    dstPort: 80,
  }));
  const sample = timed(() => packets.map((packet) => chain.evaluate(packet, NOTHING_KNOWN, false)));
  report(timeRow('one packet to a service of 20,000 rules, kube-proxy', 'ms', sample, {}, packets.length));
};

const throughNativeChains = (report: (row: Row) => void): void => {
  const lists = [
    { name: 'one packet through 5,000 native rules', text: nativeList(5000) },
    { name: 'the same, decided by the last condition of each native rule', text: nativePortList(5000) },
  ];
  for (const { name, text } of lists) {
    const [chain] = compiledNative(text);
    const packets = samplePackets(64);
    const sample = timed(() => packets.map((packet) => chain?.evaluate(packet, NOTHING_KNOWN, false)));
    report(timeRow(name, 'ms', sample, most(1), packets.length));
  }
  const chain = compiledNative(nativeKubeProxy(20_000)).find(({ hook }) => hook === 'prerouting');
  const random = seeded(7);
  const packets = samplePackets(64).map((packet) => ({
    ...packet,
    dst: { ...packet.dst, a: (0xac1e_0001 + Math.floor(random() * 1800)) >>> 0 },
  }));
  const sample = timed(() => packets.map((packet) => chain?.evaluate(packet, NOTHING_KNOWN, false)));
  report(timeRow('one packet to a service of 20,000 native rules, kube-proxy', 'ms', sample, {}, packets.length));
};

const compiledNative = (text: string): readonly BaseChain[] => {
  const parsed = parseNftables(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return compileNftables(parsed);
};

const samplePackets = (count: number): readonly Skb[] => {
  const random = seeded(1);
  return Array.from({ length: count }, () => {
    const src = { version: 4 as const, a: (0x0a00_0000 + Math.floor(random() * 0xff_ffff)) >>> 0, b: 0, c: 0, d: 0 };
    const dst = { ...src, a: (0xac10_0000 + Math.floor(random() * 0xffff)) >>> 0 };
    const srcPort = 32_768 + Math.floor(random() * 28_000);
    return {
      family: 4,
      inDev: 'eth0',
      outDev: 'eth1',
      physIn: null,
      physOut: null,
      bridged: false,
      src,
      dst,
      protocol: 6,
      srcPort,
      dstPort: 80,
      tcpFlags: 2,
      icmpType: null,
      icmpCode: null,
      fragmentOffset: 0,
      length: 60,
      ttl: 63,
      tos: 0,
      srcMac: null,
      hasMac: true,
      packetType: 'unicast',
      mark: 0,
      local: false,
      ct: newConnection({ src, dst, srcPort, dstPort: 80 }, 6),
      bytes: null,
    };
  });
};

const throughHosts = (report: (row: Row) => void): void => {
  const networks = dockerNetworks(50, 3);
  for (const [name, rules] of [
    ['50 Docker networks', dockerSince28(networks)],
    ['50 Docker networks before engine 28', dockerBefore28(networks)],
  ] as const) {
    const facts = dockerHost(networks, rules);
    const model = compileHost(facts);
    const specs = packetsBetween(facts, 2000);
    report(
      timeRow(
        `one packet's whole way, ${name}`,
        'µs',
        timed(() => judgeAll(model, specs)),
        most(50),
        specs.length,
      ),
    );
    report(
      timeRow(
        `the same and its answer's way, ${name}`,
        'µs',
        timed(() => both(model, specs)),
        {},
        specs.length,
      ),
    );
  }
  const facts = readFacts(labDocument());
  const model = compileHost(facts);
  const specs = packetsBetween(facts, 20_000);
  report(
    rateRow(
      'distinct packets on the lab ruleset',
      'packets/s',
      timed(() => judgeAll(model, specs)),
      specs.length,
      least(100_000),
    ),
  );
  report(
    rateRow(
      'the same, each with its answer',
      'packets/s',
      timed(() => both(model, specs)),
      specs.length,
    ),
  );
};

const judgeAll = (model: HostModel, specs: readonly PacketSpec[]): void => {
  for (const spec of specs) judge(model, spec);
};

const both = (model: HostModel, specs: readonly PacketSpec[]): void => {
  for (const spec of specs) judgeBoth(model, spec);
};

/** First packets of connections, no two alike: containers, an outside address and the host among themselves. */
const packetsBetween = (facts: HostFacts, count: number): readonly PacketSpec[] => {
  const random = seeded(3);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const ends = facts.containers.flatMap((container) =>
    container.endpoints.flatMap((endpoint) => {
      const bridge = facts.networks.find((network) => network.id === endpoint.networkId)?.claimedBridge;
      return endpoint.ipv4 === null || bridge === null || bridge === undefined ? [] : [{ ip: formatIp(endpoint.ipv4), bridge }];
    }),
  );
  const outside = (): string => `198.51.${Math.floor(random() * 256)}.${1 + Math.floor(random() * 254)}`;
  return Array.from({ length: count }, (_, index): PacketSpec => {
    const from = pick(ends);
    const sport = 32_768 + (index % 28_000);
    const kind = random();
    const proto = random() < 0.8 ? 'tcp' : 'udp';
    if (kind < 0.45) return { in: from.bridge, src: from.ip, dst: pick(ends).ip, proto, sport, dport: 1 + Math.floor(random() * 60_000) };
    if (kind < 0.75) return { in: from.bridge, src: from.ip, dst: outside(), proto, sport, dport: pick([53, 80, 443, 8080]) };
    return { in: 'eth0', src: outside(), dst: '203.0.113.1', proto: 'tcp', sport, dport: pick([80, 8080, 8082, 20_000, 20_007, 20_049]) };
  });
};
