/** Frames of an overlay network over two recorded hosts of one swarm, whole and broken in the ways that hosts break. drivers/net/vxlan. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { type NamespaceDocument, SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../src/host/snapshot.ts';
import { compileHost } from '../../src/path/model.ts';
import { type Answer, answerBetween } from '../../src/path/question.ts';
import { buildTopology } from '../../src/topology/build.ts';

type Raw = Readonly<Record<string, string>>;
type Edit = (raw: Raw) => Raw;

const recorded = (name: 'a' | 'b'): SnapshotDocument =>
  parseSnapshot(readFileSync(new URL(`../fixtures/snapshots/swarm-${name}.json`, import.meta.url), 'utf8'));

const HERE = recorded('a');
const THERE = recorded('b');
const RIGHT_MAC = '02:42:0a:14:00:15';

const replacing =
  (command: keyof typeof SNAPSHOT_COMMANDS, change: (text: string) => string): Edit =>
  (raw) => ({ ...raw, [SNAPSHOT_COMMANDS[command]]: change(raw[SNAPSHOT_COMMANDS[command]] ?? '') });

const onHost = (document: SnapshotDocument, edit: Edit): SnapshotDocument => ({ ...document, raw: edit(document.raw) });

/** The hidden namespace of a network, by the identifier of its tunnel. */
const inHidden = (document: SnapshotDocument, vni: number, edit: Edit): SnapshotDocument => {
  const changed = (namespace: NamespaceDocument): NamespaceDocument =>
    new RegExp(`"id": ?${vni},`).test(namespace.raw[SNAPSHOT_COMMANDS.link] ?? '') ? { ...namespace, raw: edit(namespace.raw) } : namespace;
  return {
    ...document,
    namespaces: Object.fromEntries(Object.entries(document.namespaces).map(([id, namespace]) => [id, changed(namespace)])),
  };
};

interface Asked {
  readonly answer: Answer;
  readonly causes: readonly string[];
  readonly fix: string | null;
}

const ask = (here: SnapshotDocument, there: readonly SnapshotDocument[], dst: string, src = 'left', proto = 'icmp'): Asked => {
  const facts = readFacts(here);
  const topology = buildTopology(facts);
  const model = compileHost(facts, { peers: there.map(readFacts) });
  const answer = answerBetween(model, topology, src, dst, proto, { explain: true });
  const found = diagnose({ spec: answer.spec, verdict: answer.verdict, reply: answer.reply, flow: null, facts, topology });
  return { answer, causes: found.map(({ id }) => id), fix: found[0]?.fix ?? null };
};

const dropping = (chain: 'INPUT' | 'OUTPUT', match: string): Edit =>
  replacing('iptablesNft', (text) => text.replace(/^(\*filter\n(?::.*\n)+)/m, `$1[7:938] -A ${chain} ${match} -j DROP\n`));

type Entry = Readonly<Record<string, unknown>>;
const entries =
  (change: (list: readonly Entry[]) => readonly Entry[]): ((text: string) => string) =>
  (text) =>
    JSON.stringify(change(JSON.parse(text) as readonly Entry[]));
const isRight = (entry: Entry): boolean => entry['mac'] === RIGHT_MAC && entry['dst'] !== undefined;

describe('between hosts of an overlay network', () => {
  it('leads through the tunnel to the container on the other host, and back', () => {
    const { verdict, reply } = ask(HERE, [THERE], 'right').answer;
    expect(verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'right', network: 'net' }, unknowns: [] });
    expect(reply).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'left', network: 'net' } });
    const way = verdict.way?.map(
      ({ owner, device, direction, outer }) => `${owner ?? 'host'} ${device} ${direction}${outer === undefined ? '' : ` in ${outer.vni}`}`,
    );
    expect(way).toEqual([
      'left eth0 out',
      'net veth1 in',
      'net vxlan0 out',
      'host eth0 out in 4097',
      'host 203.0.113.3 eth0 in in 4097',
      'net on host 203.0.113.3 vxlan0 in',
      'net on host 203.0.113.3 veth1 out',
      'right eth0 in',
    ]);
  });

  it('ends at the wire where the other host is not known, and judges the answer’s packet from there', () => {
    const { verdict, reply } = ask(HERE, [], '10.20.0.21').answer;
    expect(verdict).toMatchObject({
      outcome: 'accept',
      out: 'eth0',
      decidedBy: { chain: 'OUTPUT', tunnel: { vni: 4097, dst: '203.0.113.3' } },
    });
    expect(verdict.unknowns).toEqual([expect.stringContaining('left the host to 203.0.113.3 for VNI 4097')]);
    expect(reply).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'left' } });
    const shut = onHost(HERE, dropping('INPUT', '-p udp -m udp --dport 4789'));
    expect(ask(shut, [], '10.20.0.21').answer).toMatchObject({
      verdict: { outcome: 'accept' },
      reply: { outcome: 'drop', decidedBy: { chain: 'INPUT' } },
    });
  });

  it('stays on the host between two of its containers', () => {
    const { verdict } = ask(HERE, [], 'near').answer;
    expect(verdict).toMatchObject({ outcome: 'accept', deliveredTo: { container: 'near', network: 'net' } });
    expect(verdict.way?.some(({ outer }) => outer !== undefined)).toBe(false);
  });
});

describe('what stops the packet around a frame', () => {
  it.each([
    [
      'this host’s OUTPUT',
      onHost(HERE, dropping('OUTPUT', '-p udp -m udp --dport 4789')),
      THERE,
      undefined,
      'iptables -I OUTPUT -d 203.0.113.3 -p udp --dport 4789 -j ACCEPT',
    ],
    [
      'the other host’s INPUT',
      HERE,
      onHost(THERE, dropping('INPUT', '-p udp -m udp --dport 4789')),
      'host 203.0.113.3',
      'iptables -I INPUT -s 203.0.113.1 -p udp --dport 4789 -j ACCEPT',
    ],
  ])('is named: %s', (_where, here, there, namespace, fix) => {
    const asked = ask(here, [there], 'right');
    expect(asked.answer.verdict.outcome).toBe('drop');
    expect(asked.answer.verdict.decidedBy).toMatchObject({ kind: 'rule', rule: 1, tunnel: { vni: 4097, proto: 'udp', dport: 4789 } });
    expect(asked.answer.verdict.decidedBy.namespace).toBe(namespace);
    expect([asked.causes, asked.fix]).toEqual([['swarm-ports'], fix]);
  });

  it('is known by its network’s identifier, which rules read from the bytes', () => {
    const of = (vni: number): string =>
      `-p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x${(vni * 256).toString(16)}"`;
    expect(ask(onHost(HERE, dropping('OUTPUT', of(4097))), [THERE], 'right').answer.verdict.outcome).toBe('drop');
    expect(ask(onHost(HERE, dropping('OUTPUT', of(4099))), [THERE], 'right').answer.verdict.outcome).toBe('accept');
  });

  it('is that nothing takes it: the other host has no such network', () => {
    const gone = inHidden(
      THERE,
      4097,
      replacing('link', (text) => text.replace('"id":4097,', '"id":5000,')),
    );
    const asked = ask(HERE, [gone], '10.20.0.21');
    expect(asked.answer.verdict).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'vni-unknown', namespace: 'host 203.0.113.3' } });
    expect(asked.causes[0]).toBe('overlay-absent');
  });
});

describe('entries of the hidden namespace', () => {
  it('without one for the receiver, its tunnel drops the frame', () => {
    const asked = ask(
      inHidden(
        HERE,
        4097,
        replacing(
          'fdb',
          entries((list) => list.filter((entry) => !isRight(entry))),
        ),
      ),
      [THERE],
      'right',
    );
    expect(asked.answer.verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { reason: 'vtep-missing', namespace: 'net', about: { mac: RIGHT_MAC } },
    });
    expect(asked.causes[0]).toBe('overlay-entry');
  });

  it.each([
    ['an address that is no host of the network', '203.0.113.99', 'is no host of network net'],
    ['this host itself', '203.0.113.1', 'is an address of the host itself'],
  ])('may lead to %s', (_what, wrong, words) => {
    const edited = inHidden(
      HERE,
      4097,
      replacing(
        'fdb',
        entries((list) => list.map((entry) => (isRight(entry) ? { ...entry, dst: wrong } : entry))),
      ),
    );
    const asked = ask(edited, [], '10.20.0.21');
    expect(asked.answer.verdict).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'vtep-wrong' } });
    expect(asked.answer.verdict.steps.at(-1)?.note).toContain(words);
    expect(asked.causes[0]).toBe('overlay-entry');
  });

  it('that are not there leave the question who has the address without an answer', () => {
    const forgotten = inHidden(
      HERE,
      4097,
      replacing(
        'neighbour',
        entries((list) => list.filter((entry) => entry['dst'] !== '10.20.0.21')),
      ),
    );
    const asking: SnapshotDocument = {
      ...forgotten,
      namespaces: Object.fromEntries(
        Object.entries(forgotten.namespaces).map(([id, each]) => [
          id,
          each.owners.length === 0 ? each : { ...each, raw: { ...each.raw, [SNAPSHOT_COMMANDS.neighbour]: '[]' } },
        ]),
      ),
    };
    const asked = ask(asking, [THERE], 'right');
    expect(asked.answer.verdict).toMatchObject({
      outcome: 'drop',
      decidedBy: { kind: 'neighbour', reason: 'vtep-neighbour', namespace: 'net' },
    });
    expect(asked.causes[0]).toBe('overlay-entry');
  });

  it('that were not read leave it open', () => {
    const unread = inHidden(HERE, 4097, (raw) =>
      Object.fromEntries(Object.entries(raw).filter(([command]) => command !== SNAPSHOT_COMMANDS.fdb)),
    );
    expect(ask(unread, [THERE], 'right').answer.verdict.outcome).toBe('undetermined');
  });
});

describe('an encrypted network', () => {
  const STATES = [
    'src 203.0.113.1 dst 203.0.113.3\n\tproto esp spi SPI reqid 13681891 mode transport\n\taead rfc4106(gcm(aes)) <<Keys hidden>> 64\n',
    'src 203.0.113.3 dst 203.0.113.1\n\tproto esp spi BACK reqid 13681891 mode transport\n\taead rfc4106(gcm(aes)) <<Keys hidden>> 64\n',
  ].join('');
  const spiOf = (document: SnapshotDocument): string =>
    / spi (0x[0-9a-f]+) /.exec(document.raw[SNAPSHOT_COMMANDS.xfrmPolicy] ?? '')?.[1] ?? '';
  const keyed = (document: SnapshotDocument): SnapshotDocument =>
    onHost(
      document,
      replacing('xfrmState', () => STATES.replace('SPI', spiOf(HERE)).replace('BACK', spiOf(THERE))),
    );
  const encrypted = [keyed(HERE), keyed(THERE)] as const;

  it('needs a state for its policy', () => {
    const asked = ask(HERE, [THERE], 'eright', 'eleft');
    expect(asked.answer.verdict).toMatchObject({ outcome: 'drop', decidedBy: { reason: 'ipsec-state', tunnel: { vni: 4098 } } });
    expect(asked.causes[0]).toBe('overlay-ipsec');
  });

  it('travels in ESP where both hosts have one', () => {
    const { verdict, reply } = ask(encrypted[0], [encrypted[1]], 'eright', 'eleft').answer;
    expect([verdict.outcome, verdict.deliveredTo?.container, reply?.outcome]).toEqual(['accept', 'eright', 'accept']);
    expect(verdict.steps.some(({ note }) => note?.includes('ESP packet of VNI 4098'))).toBe(true);
  });

  it('is stopped where the other host keeps ESP out', () => {
    const asked = ask(encrypted[0], [onHost(encrypted[1], dropping('INPUT', '-p esp'))], 'eright', 'eleft');
    expect(asked.answer.verdict.decidedBy).toMatchObject({ chain: 'INPUT', namespace: 'host 203.0.113.3', tunnel: { proto: 'esp' } });
    expect([asked.causes[0], asked.fix]).toEqual(['swarm-ports', 'iptables -I INPUT -s 203.0.113.1 -p esp -j ACCEPT']);
  });

  it('without the rule that marks its packets sends them in clear text, which the other host drops', () => {
    const unmarked = onHost(
      encrypted[0],
      replacing('iptablesNft', (text) => text.replace(/^.*-j MARK .*\n/gm, '')),
    );
    const asked = ask(unmarked, [encrypted[1]], 'eright', 'eleft');
    expect(asked.answer.verdict).toMatchObject({ outcome: 'drop', decidedBy: { chain: 'INPUT', namespace: 'host 203.0.113.3' } });
    expect(asked.causes).toContain('overlay-cleartext');
    expect(ask(unmarked, [], '10.21.0.21', 'eleft').answer.verdict).toMatchObject({
      outcome: 'undetermined',
      decidedBy: { reason: 'ipsec-mark' },
    });
  });
});

describe('MTUs', () => {
  it('that do not leave room for the tunnel are told', () => {
    const narrow = onHost(
      HERE,
      replacing(
        'link',
        entries((list) => list.map((link) => (link['ifname'] === 'eth0' ? { ...link, mtu: 1400 } : link))),
      ),
    );
    expect(ask(narrow, [], '10.20.0.21', 'left', 'tcp:80').causes).toEqual(['overlay-mtu']);
    expect(ask(HERE, [], '10.20.0.21', 'left', 'tcp:80').causes).toEqual([]);
  });
});
