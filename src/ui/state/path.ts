/** The path screen: which verdict it shows, of a flow that is running or of a question that was asked. */
import type { Verdict } from '../../path/verdict.ts';
import type { DirectionTrail, RuleCount } from '../../session/state/flow-verdict.ts';
import { nearMissLine, type PathLine, pathLines, pathPlainText } from '../path-lines.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import { flowTitle, openPackets } from './packets.ts';
import type { PathScreen } from './screens.ts';
import { openTrace } from './trace.ts';

export interface PathContent {
  readonly title: string;
  /** Of the shown direction; null where the flow is gone or no reply is expected. */
  readonly verdict: Verdict | null;
  readonly hasReply: boolean;
  /** What was counted and assumed; sentences for a person. */
  readonly counted: number | null;
  /** The same of the rules that translate it. */
  readonly natCounted: readonly RuleCount[];
  /** True where something was seen that cannot be where the verdict is right. */
  readonly isContradicted: boolean;
  readonly assumptions: readonly string[];
  readonly changes: readonly { readonly at: number; readonly from: string; readonly to: string; readonly because: string }[];
  readonly why: readonly string[];
  /** Where the packets of the shown direction were seen; null where one point only is captured. */
  readonly trail: DirectionTrail | null;
}

export const pathContent = (screen: PathScreen, ui: Ui): PathContent => {
  const { source } = screen;
  if (source.kind === 'question') {
    const answer = ui.workspace.explain(source.src, source.dst, source.proto, { whyNot: screen.whyNot });
    const verdict = screen.direction === 'there' ? answer.verdict : answer.reply;
    return {
      title: answer.question,
      verdict,
      hasReply: answer.reply !== null,
      counted: null,
      natCounted: [],
      isContradicted: false,
      assumptions: [],
      changes: [],
      why: answer.why,
      trail: null,
    };
  }
  const row = source.capture.flow(source.flowId);
  if (row === null || row.verdict === null) {
    return {
      title: 'a flow that is no longer kept',
      verdict: null,
      hasReply: false,
      counted: null,
      natCounted: [],
      isContradicted: false,
      assumptions: [],
      changes: [],
      why: [],
      trail: null,
    };
  }
  const explained = source.capture.explain(source.flowId);
  const both = explained ?? row.verdict;
  const verdict = screen.direction === 'there' ? both.verdict : both.reply;
  const traced = row.traced[screen.direction];
  return {
    title: flowTitle(row),
    verdict: traced?.agrees === true && verdict !== null ? { ...verdict, evidence: 'traced' } : verdict,
    hasReply: both.reply !== null,
    counted: row.verdict.counted,
    natCounted: row.verdict.natCounted,
    isContradicted: row.verdict.contradiction !== null,
    assumptions: row.verdict.assumptions,
    changes: row.verdict.changes,
    why: [...(traced === null ? [] : [`Traced: ${traced.conclusion}.`]), ...source.capture.why(source.flowId)],
    trail: row.trail?.[screen.direction === 'there' ? 'there' : 'reply'] ?? null,
  };
};

/** Lines below the heading, which is two lines high. */
export const PATH_HEAD_ROWS = 2;

export const pathScreenLines = (screen: PathScreen, ui: Ui): readonly PathLine[] =>
  pathLines(pathContent(screen, ui), screen, ui.state.size.columns);

export const pathLineCount = (screen: PathScreen, ui: Ui): number => pathScreenLines(screen, ui).length + PATH_HEAD_ROWS;

/** Shows the rules that did not match, and scrolls to them. */
export const withWhyNot = (screen: PathScreen, ui: Ui): PathScreen => {
  const shown: PathScreen = { ...screen, whyNot: true };
  return { ...shown, top: Math.max(0, nearMissLine(pathScreenLines(shown, ui))) };
};

export const pathHandlers: Handlers<'path'> = {
  direction: (screen, ui) => {
    if (screen.direction === 'there' && !pathContent(screen, ui).hasReply) ui.notice('no reply is expected');
    else ui.replace({ ...screen, direction: screen.direction === 'there' ? 'reply' : 'there', top: 0 });
  },
  'why-not': (screen, ui) => ui.replace(screen.whyNot ? { ...screen, whyNot: false, top: 0 } : withWhyNot(screen, ui)),
  packets: (screen, ui) => {
    const { source } = screen;
    if (source.kind === 'question') ui.notice('this was asked without traffic: there are no packets');
    else openPackets(source.capture, source.flowId, pathContent(screen, ui).title, ui);
  },
  trace: (screen, ui) => openTrace(screen, pathContent(screen, ui).title, ui),
  'as-text': (screen, ui) => {
    const content = pathContent(screen, ui);
    const lines = pathPlainText(content, screen);
    ui.copy(`${lines.join('\n')}\n`);
    ui.push({ kind: 'text', title: content.title, lines, top: 0 });
    ui.notice('copied to the clipboard, where the terminal allows it');
  },
};
