import { describe, expect, it } from 'vitest';
import { flowProtocol, flowState } from '../../src/flow/describe.ts';
import { LARGEST_QUEUE } from '../../src/flow/echo.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { echo, icmpError, play } from './packets.ts';

const A = '172.18.0.2';
const B = '198.18.20.2';

const only = (flows: readonly Flow[]): Flow => {
  expect(flows).toHaveLength(1);
  return flows[0] as Flow;
};

describe('a ping', () => {
  it('pairs requests and answers by id and sequence number', () => {
    const flow = only(
      play([
        echo('0', 'request', A, B, 7, 0),
        echo('0.00016', 'reply', B, A, 7, 0),
        echo('1', 'request', A, B, 7, 1),
        echo('1.0001', 'reply', B, A, 7, 1),
      ]).flows,
    );
    expect(flow.echo).toEqual({ id: 7, sent: 2, answered: 2, lost: 0, duplicates: 0, unasked: 0 });
    expect([flow.rttNs, flow.minRttNs]).toEqual([100_000, 100_000]);
    expect([flowProtocol(flow), flowState(flow)]).toEqual(['icmp echo', '2/2']);
    expect(flow.packets).toEqual([2, 2]);
  });

  it('of IPv6 is one too', () => {
    const flow = only(play([echo('0', 'request', 'fd00::2', 'fd00::3', 9, 1), echo('0.002', 'reply', 'fd00::3', 'fd00::2', 9, 1)]).flows);
    expect(flow).toMatchObject({ version: 6, protocol: 58, rttNs: 2_000_000 });
    expect([flowProtocol(flow), flowState(flow)]).toEqual(['icmp6 echo', '1/1']);
  });

  it('without answers counts what is lost after a second, not before', () => {
    const { table, flows } = play(Array.from({ length: 12 }, (_, seq) => echo(String(seq), 'request', A, B, 7, seq)));
    const flow = only(flows);
    expect(flow.echo).toMatchObject({ sent: 12, answered: 0, lost: 11 });
    table.advance(1_700_000_011, 999_999_999);
    expect(flow.echo?.lost).toBe(11);
    const before = flow.revision;
    table.advance(1_700_000_012, 0);
    expect(flow.echo?.lost).toBe(12);
    expect(flow.revision).toBeGreaterThan(before);
    expect(flowState(flow)).toBe('12 sent 0 back');
  });

  it('takes a loss back when the answer comes late', () => {
    const { table, flows } = play([echo('0', 'request', A, B, 7, 0), echo('3', 'request', A, B, 7, 1)]);
    const flow = only(flows);
    expect(flow.echo?.lost).toBe(1);
    table.observe(echo('3.5', 'reply', B, A, 7, 0));
    expect(flow.echo).toMatchObject({ sent: 2, answered: 1, lost: 0 });
    expect(flow.rttNs).toBe(3_500_000_000);
    expect(flowState(flow)).toBe('1/2');
  });

  it('counts a second answer as a duplicate, and one without a request as unasked', () => {
    const flow = only(
      play([
        echo('0', 'request', A, B, 7, 0),
        echo('0.1', 'reply', B, A, 7, 0),
        echo('0.2', 'reply', B, A, 7, 0),
        echo('0.3', 'reply', B, A, 7, 99),
      ]).flows,
    );
    expect(flow.echo).toMatchObject({ sent: 1, answered: 1, duplicates: 1, unasked: 1 });
    expect(flowState(flow)).toBe('1/1, 1 duplicate, 1 unasked');
  });

  it('that begins with an answer names the asker a', () => {
    const { flows, directions } = play([echo('0', 'reply', B, A, 7, 0)]);
    expect(only(flows)).toMatchObject({ a: { a: 0xac120002 }, packets: [0, 1] });
    expect(directions).toEqual([1]);
    expect(flowState(only(flows))).toBe('1 back, no request seen');
  });

  it('of the other end with the same id is another flow', () => {
    const { ids } = play([
      echo('0', 'request', A, B, 7, 0),
      echo('0', 'request', B, A, 7, 0),
      echo('0.1', 'reply', A, B, 7, 0),
      echo('0.1', 'reply', B, A, 7, 0),
    ]);
    expect(ids).toEqual([1, 2, 2, 1]);
  });

  it('with another id is another flow', () => {
    expect(play([echo('0', 'request', A, B, 7, 0), echo('0', 'request', A, B, 8, 0)]).ids).toEqual([1, 2]);
  });

  it('that ends with open requests has lost them', () => {
    const { table, flows } = play([echo('0', 'request', A, B, 7, 0), echo('0.5', 'request', A, B, 7, 1), echo('0.6', 'reply', B, A, 7, 1)]);
    table.endAll();
    expect(only(flows)).toMatchObject({ ended: true, echo: { sent: 2, answered: 1, lost: 1 } });
    table.advance(1_700_000_100, 0);
    expect(only(flows).echo?.lost).toBe(1);
  });

  it('that is rejected names who rejected it, and does not take the error for an answer', () => {
    const request = echo('0', 'request', A, B, 7, 0);
    const { table, flows } = play([request]);
    const flow = only(flows);
    expect(table.observe(icmpError('0.1', '172.18.0.1', A, 3, 3, request))).toBe(flow);
    expect(flow.packets).toEqual([1, 1]);
    expect(flowState(flow)).toBe('1 sent 0 back, port unreachable from 172.18.0.1');
  });
});

describe('a flood of pings', () => {
  it('is counted right while more requests are under way than the queue begins with', () => {
    const table = new FlowTable();
    const count = 5000;
    for (let i = 0; i < count; i++) table.observe(echo(`0.${String(i).padStart(6, '0')}`, 'request', A, B, 7, i));
    let flow: Flow | null = null;
    for (let i = 0; i < count; i++) flow = table.observe(echo(`0.1${String(i).padStart(5, '0')}`, 'reply', B, A, 7, i));
    expect(flow?.echo).toMatchObject({ sent: count, answered: count, lost: 0, duplicates: 0, unasked: 0 });
  });

  it('beyond the queue judges the oldest early, and its memory stays bounded', () => {
    const table = new FlowTable();
    const request = echo('0', 'request', A, B, 7, 5);
    let flow: Flow | null = null;
    for (let i = 0; i < LARGEST_QUEUE + 1000; i++) flow = table.observe(request);
    expect(flow?.echo).toMatchObject({ sent: LARGEST_QUEUE + 1000, lost: 1000 });
  });
});
