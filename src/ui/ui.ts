/** What the handlers of keys may do: the store behind it owns the state, the captures and the way out. */
import type { CaptureView } from '../session/state/capture-view.ts';
import type { Workspace } from '../session/state/workspace.ts';
import type { DrawnCache } from './state/drawn.ts';
import type { RefusedRates } from './state/link-loads.ts';
import type { Notice, Prompt, Screen, UiState } from './state/screens.ts';

export interface UiOptions {
  readonly container?: string | null;
  readonly file?: string | null;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
  readonly filter: string;
  readonly color: boolean;
  readonly unicode: boolean;
}

export interface Ui {
  readonly workspace: Workspace;
  readonly options: UiOptions;
  readonly state: UiState;
  readonly drawn: DrawnCache;
  /** What the rules refuse of the captured packets, each second. */
  readonly refused: RefusedRates;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rows that a screen has for its content. */
  bodyRows(): number;
  push(screen: Screen): void;
  pop(): void;
  /** Replaces the shown screen by what `change` makes of it. */
  replace(screen: Screen): void;
  /** Something that a screen shows has changed by itself: it is drawn soon. */
  moved(): void;
  notice(text: string, tone?: Notice['tone']): void;
  ask(prompt: Omit<Prompt, 'before' | 'candidates' | 'field'>, text: string): void;
  /** Runs something slow. `done` is called with its result unless the person gave it up; then `discard` is. */
  run<T>(words: string, work: () => Promise<T>, done: (result: T) => void, discard?: (result: T) => void): void;
  /** Shows a capture; one that ran in the background is stopped. */
  watch(capture: CaptureView, label: string): void;
  /** Puts text on the terminal's clipboard (OSC 52). */
  copy(text: string): void;
  redraw(): void;
  quit(code: number): void;
}
