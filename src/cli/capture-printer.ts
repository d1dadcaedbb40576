/** Writes what a capture tells, as it tells it: flows or packets, as text or as NDJSON. */
import { printable } from '../base/printable.ts';
import type { Direction, Flow } from '../flow/flow.ts';
import type { Packet } from '../packet/packet.ts';
import { flowJson } from '../report/flow-json.ts';
import { type FlowMoment, flowLine } from '../report/flow-line.ts';
import { jsonLine } from '../report/json.ts';
import { packetDecisionJson, packetJson } from '../report/packet-json.ts';
import { packetDecisionWords, packetLine } from '../report/packet-line.ts';
import type { Style } from '../report/style.ts';
import { trailLines } from '../report/trail-text.ts';
import type { SessionEvent } from '../session/state/capture-state.ts';
import type { CaptureObserver, CaptureView } from '../session/state/capture-view.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import type { CommandContext } from './context.ts';
import { PacketQueue } from './packet-queue.ts';

export interface PrintOptions {
  readonly packets: boolean;
  /** Which flows are told, and the packets of which; null for all. */
  readonly shows: ((row: FlowRow) => boolean) | null;
  /** A live capture says at once which flows are new; a file's flows are told when they are complete. */
  readonly live: boolean;
  /** Standard output carries the packets themselves (`-w -`): no text there. */
  readonly silent: boolean;
  /** Stop after so many packets; null for no bound. */
  readonly packetLimit: number | null;
}

/** What is printed of a flow, and when, is a contract: docs/formats.md. */
export class CapturePrinter implements CaptureObserver {
  readonly limitReached: Promise<void>;
  flows = 0;
  /** Of these, the ones that the display filter found. */
  shown = 0;
  /** Absent where no packet is asked for, so that the session need not call for each. */
  readonly packet?: (packet: Packet, flow: Flow, direction: Direction) => void;
  readonly #view: CaptureView;
  readonly #options: PrintOptions;
  readonly #context: CommandContext;
  readonly #style: Style;
  readonly #json: boolean;
  readonly #queue: PacketQueue;
  /** Flows that have been judged and have not ended. */
  readonly #judged = new Set<number>();
  readonly #errors: string[] = [];
  readonly #decisions = new Map<number, Partial<Record<Direction, string>>>();
  #interfaceNames: readonly string[] = [];
  readonly #zone = new LocalZone();
  #packets = 0;
  #reachLimit: () => void = () => {};

  constructor(view: CaptureView, options: PrintOptions, context: CommandContext) {
    this.#view = view;
    this.#options = options;
    this.#context = context;
    this.#style = context.terminal.style(context.globals.color);
    this.#json = context.globals.json === true;
    this.limitReached = new Promise((resolve) => {
      this.#reachLimit = resolve;
    });
    this.#queue = new PacketQueue(
      (text) => context.terminal.line(text),
      (flowId) => this.#judged.has(flowId),
    );
    if (options.packets || options.packetLimit !== null) this.packet = (packet, flow, direction) => this.#onPacket(packet, flow, direction);
  }

  verdictChanged(row: FlowRow): void {
    const isFirst = !this.#judged.has(row.flow.id);
    this.#judged.add(row.flow.id);
    this.#decisions.delete(row.flow.id);
    this.#queue.writeReady();
    if (!this.#isShown(row)) return;
    if (!isFirst) this.#tellFlow(row, 'changed');
    else if (this.#options.live && !this.#json) this.#tellFlow(row, 'new');
  }

  /** Packets that wait for the verdict of a flow that is none of its own need not wait any longer. */
  flowJoined(flowId: number): void {
    this.#judged.add(flowId);
    this.#queue.writeReady();
  }

  flowEnded(row: FlowRow): void {
    this.#judged.add(row.flow.id);
    this.#queue.writeReady();
    this.flows++;
    if (this.#isShown(row)) {
      this.shown++;
      this.#tellFlow(row, 'ended');
    }
    this.#judged.delete(row.flow.id);
    this.#decisions.delete(row.flow.id);
  }

  event(event: SessionEvent): void {
    // A container may have come back with another interface.
    this.#interfaceNames = [];
    const text = `vethscope: ${printable(event.text)}`;
    if (event.severity !== 'error') {
      this.#context.terminal.remark(text);
      return;
    }
    // An error that ends the whole capture is told by who catches it; this one is only known not to be it when the turn is over.
    this.#errors.push(text);
    setImmediate(() => this.#writeErrors());
  }

  /** `hasFailed`: the capture as a whole, which will be told. */
  finish(hasFailed: boolean): void {
    if (hasFailed) this.#errors.length = 0;
    this.#writeErrors();
    this.#queue.writeAll();
  }

  #writeErrors(): void {
    for (const text of this.#errors.splice(0)) this.#context.terminal.remark(text);
  }

  /** A flow that has no row of its own (any more) is told: nothing speaks against it. */
  #isShown(row: FlowRow | null): boolean {
    return row === null || this.#options.shows === null || this.#options.shows(row);
  }

  #tellFlow(row: FlowRow, moment: FlowMoment): void {
    // With --packets people read packets; programs get the flows too.
    if (this.#options.silent || (this.#options.packets && !this.#json)) return;
    const text = this.#json ? jsonLine(flowJson(row, this.#interfaceName(row.flow.interfaceId))) : this.#flowText(row, moment);
    this.#queue.add(null, () => text);
  }

  #flowText(row: FlowRow, moment: FlowMoment): string {
    const line = flowLine(row, moment, this.#style, this.#zone.offsetMinutes(row.flow.firstSec));
    // A new flow has left no trail yet.
    const trail = moment === 'new' ? null : (row.trail ?? null);
    return trail === null ? line : [line, ...trailLines(trail, this.#style, this.#context.terminal.columns)].join('\n');
  }

  #onPacket(packet: Packet, flow: Flow, direction: Direction): void {
    const { packetLimit, packets, silent } = this.#options;
    this.#packets++;
    if (packetLimit !== null && this.#packets > packetLimit) return;
    if (packets && !silent) this.#tellPacket(packet, flow, direction);
    if (this.#packets === packetLimit) this.#reachLimit();
  }

  /** The packet object is used again for the next packet: what it holds is rendered now, the verdict when it is known. */
  #tellPacket(packet: Packet, flow: Flow, direction: Direction): void {
    const flowId = flow.id;
    const waitFor = flow.kind === 'arp' ? null : flowId;
    const name = this.#interfaceName(packet.interfaceId);
    if (this.#json) {
      const seen = jsonLine(packetJson(packet, flowId, direction, name)).slice(0, -1);
      this.#queuePacket(waitFor, flowId, () => `${seen},${this.#decisionOf(flowId, direction).slice(1)}`);
    } else {
      const seen = packetLine(packet, name, this.#zone.offsetMinutes(packet.timeSec));
      this.#queuePacket(waitFor, flowId, () => `${seen}  ${this.#decisionOf(flowId, direction)}`.trimEnd());
    }
  }

  #queuePacket(waitFor: number | null, flowId: number, render: () => string): void {
    const { shows } = this.#options;
    this.#queue.add(waitFor, shows === null ? render : () => (this.#isShown(this.#view.flow(flowId)) ? render() : null));
  }

  /** The same for all packets of a flow and direction until its verdict changes: kept, since there may be a million of them. */
  #decisionOf(flowId: number, direction: Direction): string {
    const known = this.#decisions.get(flowId)?.[direction];
    if (known !== undefined) return known;
    const row = this.#view.flow(flowId);
    const text = this.#json ? jsonLine(packetDecisionJson(row, direction)) : packetDecisionWords(row, direction, this.#style);
    if (this.#judged.has(flowId)) this.#decisions.set(flowId, { ...this.#decisions.get(flowId), [direction]: text });
    return text;
  }

  #interfaceName(interfaceId: number): string {
    const known = this.#interfaceNames[interfaceId];
    if (known !== undefined) return known;
    // Asking for the state builds one: too dear for each packet.
    this.#interfaceNames = this.#view.getState().points.map((point) => point.point.interface);
    return this.#interfaceNames[interfaceId] ?? '';
  }
}

/** Minutes east of UTC at a moment. Zones change at full quarters of an hour at most, so one answer serves for that long. */
class LocalZone {
  #quarter = -1;
  #minutes = 0;

  offsetMinutes(sec: number): number {
    const quarter = Math.floor(sec / 900);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#minutes = -new Date(quarter * 900_000).getTimezoneOffset();
    }
    return this.#minutes;
  }
}
