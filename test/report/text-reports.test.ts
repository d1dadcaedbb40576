/** What people read, as golden files: a change of wording or alignment shows as a diff that can be reviewed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { whySentences } from '../../src/diagnosis/diagnose.ts';
import { answerBetween } from '../../src/path/question.ts';
import type { DoctorCheck } from '../../src/report/doctor.ts';
import { doctorText } from '../../src/report/doctor.ts';
import { explainText } from '../../src/report/explain-text.ts';
import { flowLine } from '../../src/report/flow-line.ts';
import { listText } from '../../src/report/list-text.ts';
import { PLAIN_STYLE, type Style } from '../../src/report/style.ts';
import { topologyTree } from '../../src/report/topology-tree.ts';
import type { ExplainAnswer } from '../../src/session/state/workspace.ts';
import { ip } from '../addresses.ts';
import { IPTABLES, insertRules, type Scene, scene } from '../path/scene.ts';
import { dropRow, facts, flow, tcpRow, topology } from './fixtures.ts';
import { expectGolden } from './golden.ts';

const ascii: Style = { ...PLAIN_STYLE, unicode: false };
const colour: Style = { ...PLAIN_STYLE, colour: true };
const ESCAPE = '\u001b';

describe('list', () => {
  it('aligns containers with their endpoints and says why something is not there', () => {
    expectGolden('list.txt', listText(topology, PLAIN_STYLE));
  });

  it('lets no escape sequence of a name through', () => {
    const first = topology.containers[0];
    if (first === undefined) throw new Error('the fixture has containers');
    const hostile = { ...topology, containers: [{ ...first, name: `evil${ESCAPE}[2J\u202e`, image: `a\u009bb` }] };
    expect(listText(hostile, PLAIN_STYLE).join('\n')).not.toMatch(/[\u001b\u009b\u202e]/);
  });
});

describe('topology', () => {
  it('draws the host as a tree', () => {
    expectGolden('topology.txt', topologyTree(facts, topology, PLAIN_STYLE));
  });

  it('draws it with ASCII where the terminal knows no more', () => {
    const text = topologyTree(facts, topology, ascii).join('\n');
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expectGolden('topology-ascii.txt', text);
  });
});

describe('explain', () => {
  const world = scene('28.5');
  const explain = (src: string, dst: string, proto: string, on: Scene = world): ExplainAnswer => {
    const { spec, words, verdict, reply } = answerBetween(on.model, on.topology, src, dst, proto, { explain: true });
    return {
      question: words,
      verdict,
      reply,
      why: whySentences({ spec, verdict, reply, flow: null, facts: on.facts, topology: on.topology }),
    };
  };
  const withoutMisses = ({ verdict: { nearMisses: _unasked, ...verdict }, ...rest }: ExplainAnswer): ExplainAnswer => ({
    ...rest,
    verdict,
  });

  it('gives the answer, then the phases with the deciding rule marked, and near misses with what the packet has', () => {
    expectGolden('explain-drop.txt', explainText(explain('web1', 'web2', 'tcp:80'), PLAIN_STYLE, null));
  });

  it('shows tables passed without a match, checks, both tuples where NAT made them differ, and the phases of the reply', () => {
    expectGolden('explain-published.txt', explainText(withoutMisses(explain('outside', 'host', 'tcp:8080')), PLAIN_STYLE, null));
  });

  it.each([80, 100, 140])('fits %i columns', (columns) => {
    const lines = explainText(explain('web1', 'outside', 'icmp'), PLAIN_STYLE, columns);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    if (columns === 80) expectGolden('explain-80-columns.txt', lines);
  });

  it('shows a reply that fares worse than the request', () => {
    const closed = scene('28.5', {
      raw: { [IPTABLES]: insertRules('filter', '-A DOCKER-USER -m conntrack --ctdir REPLY -j DROP') },
    });
    const text = explainText(explain('web1', 'outside', 'icmp', closed), PLAIN_STYLE, null).join('\n');
    expect(text).toMatch(/^ACCEPT {2}web1/);
    expect(text).toMatch(/^reply: DROP by filter DOCKER-USER #1/m);
    expect(text).toMatch(/DOCKER-USER 1 {2}drop {2}-m conntrack --ctdir REPLY -j DROP {2}◀ decides/);
  });

  it('is shown truly in docs/cli.md', () => {
    const copy = explainText(withoutMisses(explain('web1', 'web2', 'tcp:80')), PLAIN_STYLE, 100).map((line) =>
      line === '' ? '' : `    ${line}`,
    );
    expect(readFileSync('docs/cli.md', 'utf8')).toContain(copy.join('\n'));
  });

  it('marks the policy that decides', () => {
    const answer = withoutMisses(explain('host', 'web1', 'icmp'));
    expect(explainText(answer, PLAIN_STYLE, null).join('\n')).toMatch(/filter +OUTPUT +ALLOW +no rules: policy ACCEPT {2}◀ decides/);
  });

  it('tells of a container without a route before the host has any say', () => {
    const text = explainText(withoutMisses(explain('web1', '0.0.0.0', 'tcp:80')), PLAIN_STYLE, null).join('\n');
    expect(text).toMatch(/container +route +LOCAL +0\.0\.0\.0 means web1 itself/);
  });

  it('carries the verdict as a word with and without colour', () => {
    const answer = explain('web1', 'web2', 'tcp:80');
    expect(explainText(answer, colour, null)[0]).toContain(`${ESCAPE}[31mDROP${ESCAPE}[0m`);
    expect(explainText(answer, PLAIN_STYLE, null)[0]).toMatch(/^DROP /);
  });
});

describe('a flow as a line', () => {
  it('says who, what, how much, the verdict and what decided', () => {
    const six = {
      ...tcpRow(),
      flow: flow({ kind: 'udp', protocol: 17, a: ip('fd00::1'), b: ip('fd00::2'), aPort: 53, bPort: 4000, echo: null }),
    };
    expectGolden('flow-lines.txt', [
      flowLine(dropRow(), 'new', PLAIN_STYLE, 0),
      flowLine(dropRow(), 'ended', PLAIN_STYLE, 0),
      flowLine(tcpRow(), 'changed', PLAIN_STYLE, 60),
      flowLine({ ...six, aName: '', bName: 'fd00::2', protocol: 'udp', state: '12 sent 0 back' }, 'ended', ascii, 0),
      flowLine(dropRow({ verdict: null, outcome: '', by: '', protocol: 'arp', state: 'no answer' }), 'ended', PLAIN_STYLE, 0),
    ]);
  });
});

describe('doctor', () => {
  const checks: readonly DoctorCheck[] = [
    { name: 'docker', status: 'ok', found: '28.5.2 at unix:///var/run/docker.sock', mend: null },
    { name: 'capture', status: 'missing', found: 'uid 1000 may not capture', mend: 'sudo vethscope' },
    { name: 'conntrack', status: 'limited', found: 'not found', mend: 'sudo apt-get install conntrack' },
  ];

  it('puts the command that mends it under what is missing', () => {
    expectGolden('doctor.txt', doctorText(checks, PLAIN_STYLE));
  });
});
