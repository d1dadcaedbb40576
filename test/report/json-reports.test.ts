/** The JSON that other programs read (docs/formats.md): names, shapes and spelling of every contracted field. */
import { describe, expect, it } from 'vitest';
import { endJson } from '../../src/report/end-json.ts';
import { flowJson } from '../../src/report/flow-json.ts';
import { jsonDocument, jsonLine } from '../../src/report/json.ts';
import { listJson } from '../../src/report/list-json.ts';
import { topologyJson } from '../../src/report/topology-json.ts';
import { verdictJson } from '../../src/report/verdict-json.ts';
import { ip } from '../addresses.ts';
import { dropRow, dropVerdict, facts, flow, policyVerdict, publishedVerdict, tcpRow, topology } from './fixtures.ts';
import { expectGolden } from './golden.ts';
import { EMPTY_STATE } from './states.ts';

describe('verdict', () => {
  it('has the contracted fields', () => {
    expectGolden('verdict-drop.json', jsonDocument(verdictJson(dropVerdict)));
    expectGolden('verdict-published.json', jsonDocument(verdictJson(publishedVerdict)));
  });

  it('leaves out what does not apply instead of writing null', () => {
    const json = verdictJson(policyVerdict);
    for (const absent of ['rejectWith', 'deliveredTo', 'proxiedTo', 'nearMisses']) expect(json).not.toHaveProperty(absent);
    expect(json['decidedBy']).not.toHaveProperty('rule');
    expect(json).toMatchObject({ out: null, nat: [], unknowns: [] });
  });

  it('keeps --reject-with', () => {
    expect(verdictJson({ ...policyVerdict, outcome: 'reject', rejectWith: 'icmp-port-unreachable' })).toMatchObject({
      outcome: 'reject',
      rejectWith: 'icmp-port-unreachable',
    });
  });
});

describe('flow', () => {
  it('has the contracted fields', () => {
    expectGolden('flow-icmp.json', jsonDocument(flowJson(dropRow(), 'veth1111')));
    expectGolden('flow-tcp.json', jsonDocument(flowJson(tcpRow(), 'eth0')));
  });

  it('spells times as seconds with nine decimals', () => {
    expect(flowJson(dropRow(), 'x')).toMatchObject({ first: '1795230847.123456789', last: '1795230858.000000005' });
  });

  it('has no port where the protocol has none, and no name where only the address is known', () => {
    expect(flowJson(dropRow({ aName: '172.18.0.2' }), 'x')['a']).toEqual({ address: '172.18.0.2' });
    expect(flowJson(tcpRow(), 'x')['a']).toEqual({ address: '203.0.113.2', port: 51_234, name: 'outside' });
  });

  it.each([
    ['tcp', 6, 'tcp'],
    ['udp', 17, 'udp'],
    ['icmp', 1, 'icmp'],
    ['icmp-echo', 58, 'icmpv6'],
    ['other', 132, 'sctp'],
    ['other', 253, 253],
    ['arp', -1, 'arp'],
  ] as const)('a %s flow of protocol %d has proto %s', (kind, protocol, proto) => {
    expect(flowJson(dropRow({ flow: flow({ kind, protocol, echo: null }) }), 'x')['proto']).toBe(proto);
  });

  it('has null for a verdict that is not there', () => {
    expect(flowJson(dropRow({ verdict: null }), 'x')).toMatchObject({ verdict: null, reply: null });
  });
});

describe('end', () => {
  it('tells apart lost by whom, and unknown from none', () => {
    const state = { ...EMPTY_STATE, packets: 20, lost: { kernel: null, engine: 3, pipe: 0 } };
    expect(endJson(state, 4)).toMatchObject({ type: 'end', packets: 20, flows: 4, lost: { kernel: null, engine: 3, pipe: 0 } });
  });
});

describe('list', () => {
  it('has the contracted fields for every kind of endpoint', () => {
    expectGolden('list.json', jsonDocument(listJson(topology)));
  });
});

describe('topology', () => {
  it('has bridges with ports, parents, namespaces and capture points', () => {
    expectGolden('topology.json', jsonDocument(topologyJson(facts, topology)));
  });
});

describe('a line of JSON', () => {
  it('gives back exactly what went in, and has nothing that a terminal obeys', () => {
    const value = { name: 'x\u001b[2J\u009b\u202e\u2028\u0007é→😀', address: ip('10.0.0.1') };
    const line = jsonLine(value);
    expect(JSON.parse(line)).toEqual(value);
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
    expect(line).toContain('é→😀');
  });
});
