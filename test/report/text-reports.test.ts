/** What people read, as golden files: a change of wording or alignment shows as a diff that can be reviewed. */
import { describe, expect, it } from 'vitest';
import type { DoctorCheck } from '../../src/report/doctor.ts';
import { doctorText } from '../../src/report/doctor.ts';
import { explainText } from '../../src/report/explain-text.ts';
import { flowLine } from '../../src/report/flow-line.ts';
import { listText } from '../../src/report/list-text.ts';
import { PLAIN_STYLE, type Style } from '../../src/report/style.ts';
import { topologyTree } from '../../src/report/topology-tree.ts';
import { dropRow, dropVerdict, facts, flow, ip, policyVerdict, publishedVerdict, tcpRow, topology } from './fixtures.ts';
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
  it('gives the answer, then the path with the deciding step marked, near misses and the reply', () => {
    const answer = {
      question: 'web1 172.18.0.2 → web2 198.18.20.2 icmp',
      verdict: dropVerdict,
      reply: null,
      why: ['Docker keeps test_net1 and test_net2 apart.'],
    };
    expectGolden('explain-drop.txt', explainText(answer, PLAIN_STYLE));
  });

  it('shows translation, delivery, what is unknown, and a reply that fares worse', () => {
    const answer = { question: 'outside → host 203.0.113.1 tcp:8080', verdict: publishedVerdict, reply: policyVerdict, why: [] };
    expectGolden('explain-published.txt', explainText(answer, PLAIN_STYLE));
  });

  it('marks the policy that decides', () => {
    const text = explainText({ question: 'q', verdict: policyVerdict, reply: null, why: [] }, PLAIN_STYLE).join('\n');
    expect(text).toContain('decided by FORWARD policy');
    expect(text).toMatch(/FORWARD policy DROP {2}◀ decides/);
  });

  it('carries the verdict as a word with and without colour', () => {
    const answer = { question: 'q', verdict: dropVerdict, reply: null, why: [] };
    expect(explainText(answer, colour)[0]).toContain(`${ESCAPE}[31mDROP${ESCAPE}[0m`);
    expect(explainText(answer, PLAIN_STYLE)[0]).toMatch(/^DROP /);
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
