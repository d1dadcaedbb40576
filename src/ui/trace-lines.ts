/** The kernel's trace beside the prediction as lines for the screen: the newest packet of the shown direction, step by step. */
import { hookName, lostWords, packetWords, traceCells } from '../report/trace-text.ts';
import type { TracedPacket, TraceState } from '../session/state/trace-state.ts';
import type { Spans } from './spans.ts';
import type { TraceScreen } from './state/screens.ts';
import { cutMiddle, displayWidth, fitTo, wrap } from './text.ts';
import { screenTone, type Tone } from './theme.ts';

export type TraceLine = Spans;

/** A trace ends by itself after so long. */
export const TRACE_SECONDS = 30;

const HOOK_WIDTH = 12;
const ACTION_WIDTH = 11;

export const traceLines = (screen: TraceScreen, columns: number): TraceLine[] => {
  const { view } = screen;
  if (view === null) return questionLines(columns);
  const state = view.getState();
  const lines: TraceLine[] = state.remarks.flatMap((remark) => wrap(remark, columns - 2).map((line): TraceLine => [[` ${line}`, 'dim']]));
  if (lines.length > 0) lines.push(['']);
  if (state.problem !== null) {
    const hint = state.problem.hint === null ? '' : ` → ${state.problem.hint}`;
    return [...lines, ...wrap(`${state.problem.message}${hint}`, columns - 2).map((line): TraceLine => [[` ${line}`, 'bad']])];
  }
  const newest = state.packets.findLast((packet) => packet.direction === screen.direction);
  lines.push(...(newest === undefined ? waitingLines(state, screen, columns) : packetLines(newest, columns)));
  const lost = lostWords(state.lost);
  if (lost.length > 0) lines.push([''], ...wrap(`lost: ${lost.join(', ')}`, columns - 2).map((line): TraceLine => [[` ${line}`, 'warn']]));
  return lines;
};

const questionLines = (columns: number): TraceLine[] => {
  const words = [
    `This adds rules of its own to the kernel for at most ${TRACE_SECONDS} seconds: tables of nftables that mark the packets of this flow, at most 100 a second, for the kernel's own trace. They decide nothing, and vanish with the trace however it ends. Where legacy rules are in force, the logger of their trace (net.netfilter.nf_log) is set for that time, too.`,
    'Nothing is sent: the trace shows packets that pass meanwhile.',
  ];
  return [
    [''],
    ...words.flatMap((text) => [...wrap(text, columns - 4).map((line): TraceLine => [`  ${line}`]), [''] as TraceLine]),
    [['  y', 'accent'], ' trace    ', ['n', 'accent'], ' leave it'],
  ];
};

const waitingLines = (state: TraceState, screen: TraceScreen, columns: number): TraceLine[] => {
  const what = screen.direction === 'there' ? 'packet of this flow' : 'reply';
  const beside = [
    ...(state.others === 0 ? [] : [`${state.others} others of its connections`]),
    ...(state.incomplete === 0 ? [] : [`${state.incomplete} seen in part only, while rules changed or messages were lost`]),
  ];
  const others = beside.length === 0 ? '' : ` (${beside.join(', ')})`;
  const text =
    state.status === 'ended'
      ? `The trace has ended. The kernel saw no ${what}${others}. y begins another one.`
      : state.status === 'starting'
        ? 'The rules are being added …'
        : `Waiting for the next ${what} to pass${others} …`;
  return wrap(text, columns - 2).map((line): TraceLine => [` ${line}`]);
};

const packetLines = (traced: TracedPacket, columns: number): TraceLine[] => {
  const cells = traceCells(traced);
  const placeWidth = Math.min(Math.max(...cells.map(({ place }) => displayWidth(place)), 16), Math.max(24, Math.floor(columns / 3)));
  const kernelWidth = Math.min(Math.max(...cells.map(({ kernel }) => displayWidth(kernel)), 8), 32);
  let hook = '';
  const rows = cells.flatMap((cell, at): TraceLine[] => {
    const isSame = cell.hook === hook;
    hook = cell.hook;
    const text = traced.comparison.lines[at]?.predicted?.text ?? traced.comparison.lines[at]?.kernel?.text ?? '';
    const used = 2 + HOOK_WIDTH + placeWidth + 1 + ACTION_WIDTH + 2 + kernelWidth + 2;
    const line: TraceLine = [
      ' ',
      [fitTo(isSame ? '' : hookName(cell.hook), HOOK_WIDTH), 'accent'],
      fitTo(cell.place, placeWidth),
      ' ',
      [fitTo(cell.predicted, ACTION_WIDTH), cell.mark === '<' ? 'bad' : 'plain'],
      [`${cell.mark} `, screenTone(cell.tone)],
      [fitTo(cell.kernel, kernelWidth), cell.tone === 'good' ? 'plain' : screenTone(cell.tone)],
      '  ',
      [columns - used < 12 ? '' : cutMiddle(text, columns - used), 'dim'],
    ];
    return cell.isFirstDifference ? [line, [[`${' '.repeat(HOOK_WIDTH + 1)}▲ the first difference`, 'bad']]] : [line];
  });
  const head: TraceLine = [[` packet ${traced.number}: ${packetWords(traced.packet)}`, 'strong']];
  const titles = `${fitTo('HOOK', HOOK_WIDTH)}${fitTo('TABLE CHAIN#RULE', placeWidth)} ${fitTo('PREDICTED', ACTION_WIDTH)}  ${fitTo('KERNEL', kernelWidth)}  RULE`;
  const tone: Tone = traced.comparison.result === 'differs' ? 'bad' : traced.comparison.result === 'agrees' ? 'good' : 'warn';
  return [
    head,
    [[` ${titles}`, 'dim']],
    ...rows,
    [''],
    ...wrap(traced.conclusion, columns - 2).map((line): TraceLine => [[` ${line}`, tone]]),
  ];
};

/** `running · 3 as predicted · 1 not`: what stands at the right of the heading. */
export const traceSummary = (screen: TraceScreen): Spans => {
  const state = screen.view?.getState() ?? null;
  if (state === null) return [['not begun', 'dim']];
  const status: Record<TraceState['status'], string> = { starting: 'beginning', running: 'running', ended: 'ended, its rules are gone' };
  return [
    [status[state.status], state.status === 'running' ? 'good' : 'dim'],
    ` · ${state.there} there, ${state.replies} back · `,
    [`${state.agreeing} as predicted`, state.agreeing > 0 ? 'good' : 'plain'],
    ...(state.differing === 0 ? [] : [[` · ${state.differing} not`, 'bad'] as const]),
    ...(state.incomplete === 0 ? [] : [[` · ${state.incomplete} open`, 'warn'] as const]),
  ];
};
