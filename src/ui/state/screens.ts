/** What can be on the screen: one union, one kind at a time. Plain values; screens/ draws them, state/ changes them. */
import type { SessionDiff } from '../../report/session-diff.ts';
import type { CaptureState } from '../../session/state/capture-state.ts';
import type { CaptureView, StoredPacket } from '../../session/state/capture-view.ts';
import type { FlowRow, FlowSort } from '../../session/state/flow-row.ts';
import type { RuleCounting } from '../../session/state/rule-counting.ts';
import type { TraceSubject, TraceView } from '../../session/state/trace-state.ts';
import type { CapturePoint, PathNode } from '../../topology/topology.ts';
import type { KeyScope } from '../keys.ts';
import type { Selection } from '../picture/walk.ts';
import type { TextField } from './text-field.ts';

export interface PickScreen {
  readonly kind: 'pick';
  readonly filter: string;
  /** Id of the selected container; null for the first. */
  readonly selected: string | null;
  readonly marked: readonly string[];
  readonly top: number;
}

/** A place to capture, and which node of which line it stands under. */
export interface WherePlace {
  readonly point: CapturePoint;
  readonly line: number;
  readonly node: number;
}

export interface WhereScreen {
  readonly kind: 'where';
  readonly container: string;
  /** One way out for each endpoint. */
  readonly lines: readonly (readonly PathNode[])[];
  readonly places: readonly WherePlace[];
  readonly chosen: number;
  /** Ids of the points that are captured together; empty for the chosen one alone. */
  readonly marked: readonly string[];
  /** Where all along the way to is captured; null where no destination was named. */
  readonly to: string | null;
  readonly filter: string;
  readonly file: string;
  readonly saving: boolean;
}

export type ColumnSet = 'standard' | 'traffic' | 'addresses';

/** The table as it was when it was frozen: the session changes its flows in place, so these are copies. */
export interface FrozenTable {
  readonly rows: readonly FlowRow[];
  readonly total: number;
  readonly state: CaptureState;
}

export interface WatchScreen {
  readonly kind: 'watch';
  readonly capture: CaptureView;
  readonly rules: RuleCounting;
  /** What is captured, in a few words: `web1`. */
  readonly label: string;
  readonly sort: FlowSort;
  readonly descending: boolean;
  readonly search: string;
  readonly columns: ColumnSet;
  /** Id of the selected flow; null for the first row, whichever it is. */
  readonly selected: number | null;
  /** Flows that keep their rows while one of them is selected, in their order; empty while the order is the query's. */
  readonly held: readonly number[];
  /** Rows before the first shown one. */
  readonly offset: number;
  readonly frozen: FrozenTable | null;
}

export type PathSource =
  | { readonly kind: 'flow'; readonly capture: CaptureView; readonly flowId: number }
  | { readonly kind: 'question'; readonly src: string; readonly dst: string; readonly proto: string };

export interface PathScreen {
  readonly kind: 'path';
  readonly source: PathSource;
  readonly direction: 'there' | 'reply';
  readonly whyNot: boolean;
  readonly top: number;
}

export interface TraceScreen {
  readonly kind: 'trace';
  readonly subject: TraceSubject;
  readonly title: string;
  /** Null until the person has said yes. */
  readonly view: TraceView | null;
  readonly direction: 'there' | 'reply';
  readonly top: number;
}

export interface PacketsScreen {
  readonly kind: 'packets';
  readonly capture: CaptureView;
  readonly flowId: number;
  readonly title: string;
  readonly packets: readonly StoredPacket[];
  readonly selected: number;
  readonly top: number;
  readonly pane: 'list' | 'bytes';
  readonly hex: boolean;
  readonly bytesTop: number;
}

export interface TopologyScreen {
  readonly kind: 'topology';
  readonly selection: Selection;
  /** Items that a path is asked between: from the first to the second. */
  readonly marks: readonly string[];
  /** Ids of the sections that are folded; null while the size of the picture decides. */
  readonly folded: readonly string[] | null;
  readonly search: string;
}

export interface ExplainScreen {
  readonly kind: 'explain';
  readonly fields: readonly [src: TextField, dst: TextField, proto: TextField];
  readonly focus: 0 | 1 | 2;
}

export interface TextScreen {
  readonly kind: 'text';
  readonly title: string;
  readonly lines: readonly string[];
  readonly top: number;
}

export interface HelpScreen {
  readonly kind: 'help';
  /** Where the person was: those keys come first. */
  readonly about: KeyScope;
  readonly top: number;
}

export interface EventsScreen {
  readonly kind: 'events';
  readonly capture: CaptureView;
  readonly top: number;
}

/** `order`: that in which packets meet them. */
export type RuleSort = 'packets' | 'bytes' | 'flows' | 'order';

export interface RulesScreen {
  readonly kind: 'rules';
  readonly capture: CaptureView;
  readonly rules: RuleCounting;
  readonly label: string;
  readonly sort: RuleSort;
  /** Also rules that no packet has met. */
  readonly unused: boolean;
  /** Null for the first row, whichever it is. */
  readonly selected: string | null;
  /** Rules that keep their rows while one of them is selected, in their order. */
  readonly held: readonly string[];
  readonly top: number;
}

/** Flows that other rules decide otherwise. */
export interface DiffScreen {
  readonly kind: 'diff';
  readonly capture: CaptureView;
  readonly diff: SessionDiff;
  readonly selected: number;
  readonly top: number;
}

export type Screen =
  | PickScreen
  | WhereScreen
  | WatchScreen
  | PathScreen
  | TraceScreen
  | PacketsScreen
  | RulesScreen
  | DiffScreen
  | TopologyScreen
  | ExplainScreen
  | TextScreen
  | HelpScreen
  | EventsScreen;

export type ScreenKind = Screen['kind'];

export type ScreenOf<K extends ScreenKind> = Extract<Screen, { readonly kind: K }>;

/** A line to fill in at the foot of the screen, and what it is for. */
export interface Prompt {
  readonly purpose:
    | 'pick-filter'
    | 'topology-search'
    | 'open-file'
    | 'where-filter'
    | 'where-file'
    | 'where-to'
    | 'search'
    | 'capture-filter'
    | 'save'
    | 'save-memory';
  readonly label: string;
  readonly field: TextField;
  /** What the text was before, for esc. */
  readonly before: string;
  /** Names of files that fit what is typed. */
  readonly candidates: readonly string[];
}

export interface Notice {
  readonly text: string;
  readonly tone: 'plain' | 'good' | 'warn' | 'bad';
  /** When it was given, in milliseconds since the epoch: it fades after a while. */
  readonly at: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface UiState {
  /** The last one is shown. Never empty. */
  readonly stack: readonly Screen[];
  readonly prompt: Prompt | null;
  readonly notice: Notice | null;
  /** What is being done and can be given up with esc: `opening web1`. */
  readonly busy: string | null;
  /** A capture that was left but goes on. */
  readonly background: WatchScreen | null;
  readonly size: Size;
}
