/** What is printed of a capture, and when: a contract for programs (docs/formats.md), marks for people (docs/cli.md). */
import { beforeEach, describe, expect, it } from 'vitest';
import { CapturePrinter, type PrintOptions } from '../../src/cli/capture-printer.ts';
import type { CommandContext } from '../../src/cli/context.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { Packet } from '../../src/packet/packet.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import type { CaptureView } from '../../src/session/state/capture-view.ts';
import type { FlowRow } from '../../src/session/state/flow-row.ts';
import { dropRow, flow, flowVerdict, policyVerdict } from '../report/fixtures.ts';
import { EMPTY_STATE } from '../report/states.ts';

const options: PrintOptions = { packets: false, shows: null, live: true, silent: false, packetLimit: null };
const changed = dropRow({
  verdict: flowVerdict(policyVerdict),
  by: 'FORWARD policy',
});
const arp = dropRow({ flow: flow({ id: 9, kind: 'arp', protocol: -1, echo: null }), verdict: null, outcome: '', by: '', protocol: 'arp' });

describe('a capture as it is printed', () => {
  let lines: string[];
  let remarks: string[];
  /** The row that the view shows of flow 7 at the moment. */
  let current: FlowRow;

  beforeEach(() => {
    lines = [];
    remarks = [];
    current = dropRow({ verdict: null });
  });

  const printer = (change: Partial<PrintOptions>, json: boolean): CapturePrinter => {
    const terminal = {
      line: (text: string) => lines.push(text),
      remark: (text: string) => remarks.push(text),
      style: () => PLAIN_STYLE,
    } as unknown as Terminal;
    const context: CommandContext = { terminal, globals: { color: false, json }, interruption: () => new Promise(() => {}) };
    const view = { getState: () => EMPTY_STATE, flow: () => current } as unknown as CaptureView;
    return new CapturePrinter(view, { ...options, ...change }, context);
  };

  const judged = (to: CapturePrinter, row: FlowRow): void => {
    current = row;
    to.verdictChanged(row);
  };

  const types = (): string[] => lines.map((line) => `${JSON.parse(line).type} ${JSON.parse(line).verdict?.decidedBy.kind ?? ''}`);

  it('tells people of a new flow, of a changed verdict, and of the end', () => {
    const text = printer({}, false);
    judged(text, dropRow());
    judged(text, changed);
    text.flowEnded(changed);
    expect(lines.map((line) => line[0])).toEqual(['+', '~', '=']);
    expect(text.flows).toBe(1);
  });

  it('tells people of the flows of a file once each', () => {
    const text = printer({ live: false }, false);
    judged(text, dropRow());
    text.flowEnded(dropRow());
    expect(lines.map((line) => line[0])).toEqual(['=']);
  });

  it('gives programs a flow when its verdict changes and when it ends, and not when it begins', () => {
    const json = printer({}, true);
    judged(json, dropRow());
    expect(lines).toEqual([]);
    judged(json, changed);
    json.flowEnded(changed);
    expect(types()).toEqual(['flow policy', 'flow policy']);
  });

  it('tells of flows without a verdict at their end', () => {
    const json = printer({}, true);
    json.flowEnded(arp);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'flow', proto: 'arp', verdict: null });
  });

  it('prints a packet with its verdict although that comes later, and the flow behind it', () => {
    const json = printer({ packets: true }, true);
    json.packet?.(new Packet(), flow(), 0);
    expect(lines).toEqual([]);
    judged(json, dropRow());
    json.flowEnded(dropRow());
    const objects = lines.map((line) => JSON.parse(line));
    expect(objects.map((object) => object.type)).toEqual(['packet', 'flow']);
    expect(objects[0]).toMatchObject({ flow: 7, outcome: 'drop', by: 'filter DOCKER-ISOLATION-STAGE-2 #1' });
  });

  it('shows people only packets where they asked for packets', () => {
    const text = printer({ packets: true }, false);
    text.packet?.(new Packet(), flow(), 0);
    judged(text, dropRow());
    text.flowEnded(dropRow());
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/DROP {2}filter DOCKER-ISOLATION-STAGE-2 #1$/);
  });

  it('gives the answer packet the verdict of the answer', () => {
    const json = printer({ packets: true }, true);
    const { verdict } = dropRow();
    if (verdict === null) throw new Error('the fixture has a verdict');
    judged(json, dropRow({ verdict: { ...verdict, reply: policyVerdict } }));
    json.packet?.(new Packet(), flow(), 1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ direction: 'reply', by: 'FORWARD policy' });
  });

  it('does not ask the session for packets that nobody wants', () => {
    expect(printer({}, true).packet).toBeUndefined();
    expect(printer({ packetLimit: 3 }, true).packet).toBeDefined();
  });

  it('stops at exactly so many packets', async () => {
    const json = printer({ packets: true, packetLimit: 2 }, true);
    judged(json, dropRow());
    for (let i = 0; i < 5; i++) json.packet?.(new Packet(), flow(), 0);
    await json.limitReached;
    expect(lines).toHaveLength(2);
  });

  it('tells an error once: at the end of the turn, unless the whole capture fails with it', async () => {
    const mended = printer({}, false);
    mended.event({ at: 1, severity: 'error', text: 'veth1 is lost' });
    expect(remarks).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(remarks).toEqual(['vethscope: veth1 is lost']);
    const failed = printer({}, false);
    failed.event({ at: 1, severity: 'error', text: 'no privilege' });
    failed.finish(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(remarks).toEqual(['vethscope: veth1 is lost']);
  });

  it('keeps standard output free where the packets themselves go there', () => {
    const text = printer({ silent: true }, false);
    judged(text, dropRow());
    text.flowEnded(dropRow());
    text.event({ at: 1, severity: 'warning', text: 'web1 was\u001b[2J stopped' });
    expect(lines).toEqual([]);
    expect(remarks).toEqual(['vethscope: web1 was\ufffd[2J stopped']);
  });
});
