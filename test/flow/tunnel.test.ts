/** Flows inside VXLAN and the flows of the tunnel around them: each direction travels in an outer flow of its own. */
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { INNER_VXLAN, type Packet } from '../../src/packet/packet.ts';
import { echo, udp } from './packets.ts';

const A = '10.20.0.11';
const B = '10.20.0.21';
const HERE = '203.0.113.1';
const THERE = '203.0.113.3';

/** Source ports are a hash of what is inside, so that they differ by direction. */
const forth = (at: string, inner: Packet, sport = 41_000): Packet =>
  udp(at, HERE, sport, THERE, 4789, { innerKind: INNER_VXLAN, vni: 4097, inner });
const back = (at: string, inner: Packet): Packet => udp(at, THERE, 52_000, HERE, 4789, { innerKind: INNER_VXLAN, vni: 4097, inner });

const innerOf = (table: FlowTable): Flow => {
  if (table.lastInner === null) throw new Error('the last packet was no tunnel');
  return table.lastInner;
};

describe('a flow inside VXLAN', () => {
  it('is one flow, carried there and back by two', () => {
    const table = new FlowTable();
    const there = table.observe(forth('0', echo('0', 'request', A, B, 7, 0)));
    const reply = table.observe(back('0.1', echo('0.1', 'reply', B, A, 7, 0)));
    const inner = innerOf(table);
    expect([there.id === reply.id, inner.packets]).toEqual([false, [1, 1]]);
    expect(inner.tunnel).toMatchObject({ flowId: there.id, backFlowId: reply.id, vni: 4097 });
    expect([inner.tunnel?.src, inner.tunnel?.dst].map((ip) => ip && formatIp(ip))).toEqual([HERE, THERE]);
    for (const outer of [there, reply]) expect(outer.carries).toMatchObject({ vni: 4097, flows: [inner], more: 0 });
  });

  it('names the ends as its own first end sees them where only the answer was seen', () => {
    const table = new FlowTable();
    const reply = table.observe(back('0', echo('0', 'reply', B, A, 7, 0)));
    expect(innerOf(table).tunnel).toMatchObject({ flowId: reply.id, backFlowId: reply.id });
    expect(formatIp(innerOf(table).tunnel?.src ?? { version: 4, a: 0, b: 0, c: 0, d: 0 })).toBe(HERE);
    const there = table.observe(forth('1', echo('1', 'request', A, B, 7, 1)));
    expect(innerOf(table).tunnel).toMatchObject({ flowId: there.id, backFlowId: reply.id });
  });

  it('is counted and not named beyond the first four of a tunnel whose port does not vary', () => {
    const table = new FlowTable();
    for (let port = 1; port <= 7; port++) for (const at of ['0', '1']) table.observe(forth(at, udp(at, A, port, B, 53)));
    const outer = table.observe(forth('2', udp('2', A, 1, B, 53)));
    expect([outer.carries?.flows.map((flow) => flow.aPort), outer.carries?.more]).toEqual([[1, 2, 3, 4], 3]);
  });
});
