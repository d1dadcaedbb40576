/**
 * The state of the UI and the only one who changes it. Keys are answered here, at once and one after the other; React only
 * draws what came of it. Owns the captures that it has opened: they are stopped when they are left for another, and at the end.
 */
import { messageOf, VethscopeError } from '../../base/errors.ts';
import type { SavingState } from '../../session/state/capture-state.ts';
import type { CaptureView } from '../../session/state/capture-view.ts';
import type { Workspace } from '../../session/state/workspace.ts';
import { lookUp } from '../keys.ts';
import type { KeyInput } from '../terminal/key-names.ts';
import type { Ui, UiOptions } from '../ui.ts';
import { completePrompt } from './complete-prompt.ts';
import { handleAction, moveRows, scopesOf, typeInto } from './dispatch.ts';
import { DrawnCache } from './drawn.ts';
import { RefusedMeter, type RefusedRates, shownCapture } from './link-loads.ts';
import { acceptPrompt, cancelPrompt, promptTyped } from './prompts.ts';
import type { Notice, Prompt, Screen, Size, UiState, WatchScreen } from './screens.ts';
import { editField, insertText, textField } from './text-field.ts';
import { leaveTrace } from './trace.ts';
import { initialWatch } from './watch.ts';

/** Title, notice and footer, and one row that stays free: a frame is never as tall as the terminal. */
const CHROME_ROWS = 4;

/** Drawing more often than this for packets alone would only cost time. */
const DATA_INTERVAL_MS = 50;

export interface StoreHooks {
  readonly now: () => number;
  readonly copy: (text: string) => void;
  readonly redraw: () => void;
  readonly quit: (code: number) => void;
  /** A defect in a handler: the program ends with it. */
  readonly fail: (error: unknown) => void;
}

export class UiStore implements Ui {
  readonly workspace: Workspace;
  readonly options: UiOptions;
  readonly drawn = new DrawnCache();
  #state: UiState;
  #version = 0;
  #work = 0;
  #lastData = 0;
  #dataTimer: NodeJS.Timeout | null = null;
  #unsubscribe: (() => void) | null = null;
  readonly #hooks: StoreHooks;
  readonly #refused = new RefusedMeter();
  readonly #listeners = new Set<() => void>();
  readonly #stops: (() => void)[] = [];

  constructor(workspace: Workspace, options: UiOptions, size: Size, hooks: StoreHooks) {
    this.workspace = workspace;
    this.options = options;
    this.#hooks = hooks;
    const pick: Screen = { kind: 'pick', filter: '', selected: null, marked: [], top: 0 };
    this.#state = { stack: [pick], prompt: null, notice: null, busy: null, background: null, size };
    this.#stops.push(workspace.subscribe(() => this.#dataChanged()));
    const clock = setInterval(() => {
      this.#refused.sample(shownCapture(this.#state), performance.now());
      this.#changed();
    }, 1000);
    this.#stops.push(() => clearInterval(clock));
  }

  get state(): UiState {
    return this.#state;
  }

  get refused(): RefusedRates {
    return this.#refused.rates;
  }

  get screen(): Screen {
    return this.#state.stack.at(-1) as Screen;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Counts up with everything that may look different. */
  getVersion = (): number => this.#version;

  press(input: KeyInput): void {
    try {
      if (input.kind === 'paste') this.#paste(input.text);
      else this.#key(input.name);
    } catch (error) {
      if (!(error instanceof VethscopeError)) {
        this.#hooks.fail(error);
        return;
      }
      this.#explain(error);
    }
    this.#changed();
  }

  resize(size: Size): void {
    this.#set({ size });
  }

  now(): number {
    return this.#hooks.now();
  }

  bodyRows(): number {
    return Math.max(1, this.#state.size.rows - CHROME_ROWS);
  }

  push(screen: Screen): void {
    this.#set({ stack: [...this.#state.stack, screen] });
    this.#follow();
  }

  replace(screen: Screen): void {
    this.#set({ stack: [...this.#state.stack.slice(0, -1), screen] });
  }

  pop(): void {
    const { stack } = this.#state;
    if (stack.length < 2) return;
    const left = this.screen;
    this.#set({ stack: stack.slice(0, -1) });
    if (left.kind === 'watch') this.#park(left);
    if (left.kind === 'trace') leaveTrace(left);
    this.#follow();
  }

  moved(): void {
    this.#dataChanged();
  }

  notice(text: string, tone: Notice['tone'] = 'plain'): void {
    this.#set({ notice: { text, tone, at: this.now() } });
  }

  ask(prompt: Omit<Prompt, 'before' | 'candidates' | 'field'>, text: string): void {
    this.#set({ prompt: { ...prompt, field: textField(text), before: text, candidates: [] }, notice: null });
  }

  run<T>(words: string, work: () => Promise<T>, done: (result: T) => void, discard?: (result: T) => void): void {
    const mine = ++this.#work;
    this.#set({ busy: words, notice: null });
    work().then(
      (result) => {
        if (mine !== this.#work) {
          discard?.(result);
          return;
        }
        this.#set({ busy: null });
        try {
          done(result);
        } catch (error) {
          this.#hooks.fail(error);
        }
        this.#changed();
      },
      (error: unknown) => {
        if (mine !== this.#work) return;
        this.#set({ busy: null });
        this.#explain(error);
        this.#changed();
      },
    );
  }

  watch(capture: CaptureView, label: string): void {
    const { background, stack } = this.#state;
    const running = stack.find((screen) => screen.kind === 'watch');
    for (const old of [background, running]) if (old?.kind === 'watch' && old.capture !== capture) this.#stop(old.capture);
    const base = stack.filter((screen) => screen.kind === 'pick');
    const watch = background?.capture === capture ? background : initialWatch(capture, this.workspace.countRules(capture), label);
    // A capture that could not begin: the points say so too, this says it in the error's own words.
    if (watch !== background) capture.finished.catch((error: unknown) => this.#explain(error));
    this.#set({ stack: [...base, watch], background: null, prompt: null });
    this.#follow();
  }

  copy(text: string): void {
    this.#hooks.copy(text);
  }

  redraw(): void {
    this.#hooks.redraw();
  }

  quit(code: number): void {
    this.#hooks.quit(code);
  }

  /** Ends the captures; returns what was being saved, for the last words. */
  async close(): Promise<readonly SavingState[]> {
    for (const stop of this.#stops) stop();
    this.#unsubscribe?.();
    if (this.#dataTimer !== null) clearTimeout(this.#dataTimer);
    this.#listeners.clear();
    const captures = new Set<CaptureView>();
    for (const screen of [...this.#state.stack, this.#state.background]) if (screen?.kind === 'watch') captures.add(screen.capture);
    const saved = [...captures].flatMap((capture) => capture.getState().saving ?? []);
    await Promise.allSettled([...captures].map((capture) => capture.stop()));
    const later = [...captures].map((capture) => capture.getState().saving);
    return saved.map((saving) => later.find((state) => state?.path === saving.path) ?? saving);
  }

  #key(name: string): void {
    const state = this.#state;
    if (state.busy !== null && name === 'esc') {
      this.#work++;
      this.#set({ busy: null });
      return;
    }
    if (state.notice !== null && state.prompt === null) this.#set({ notice: null });
    const found = lookUp(scopesOf(state), name);
    if (found !== null) {
      if (found.scope === 'prompt' || (state.prompt !== null && found.scope === 'field')) this.#promptAction(found.action);
      else handleAction(this, found.scope, found.action);
      return;
    }
    const text = name === 'space' ? ' ' : [...name].length === 1 ? name : null;
    if (state.prompt !== null) {
      if (text !== null) this.#prompt({ ...state.prompt, field: insertText(state.prompt.field, text) });
      else if (state.prompt.purpose === 'pick-filter' || state.prompt.purpose === 'search') {
        const motion = lookUp(['list'], name);
        if (motion !== null) moveRows(this, motion.action);
      }
    } else if (text !== null) typeInto(this, text);
  }

  #paste(text: string): void {
    const { prompt } = this.#state;
    if (prompt !== null) this.#prompt({ ...prompt, field: insertText(prompt.field, text) });
    else typeInto(this, text);
  }

  #promptAction(action: string): void {
    const prompt = this.#state.prompt as Prompt;
    switch (action) {
      case 'accept':
        this.#set({ prompt: null });
        acceptPrompt(this, prompt);
        return;
      case 'cancel':
        this.#set({ prompt: null });
        cancelPrompt(this, prompt);
        return;
      case 'complete':
        this.#prompt(completePrompt(prompt, this));
        return;
      default:
        this.#prompt({ ...prompt, field: editField(prompt.field, action as Parameters<typeof editField>[1]) });
    }
  }

  #prompt(prompt: Prompt): void {
    this.#set({ prompt });
    promptTyped(this, prompt);
  }

  /** Leaves a capture running behind the other screens. */
  #park(watch: WatchScreen): void {
    const { background } = this.#state;
    if (background !== null && background.capture !== watch.capture) this.#stop(background.capture);
    this.#set({ background: watch });
  }

  #stop(capture: CaptureView): void {
    capture.stop().catch((error: unknown) => this.#explain(error));
  }

  /** Listens to the capture that the shown screens are about. */
  #follow(): void {
    this.#unsubscribe?.();
    const watch = this.#state.stack.find((screen) => screen.kind === 'watch') ?? this.#state.background;
    this.#unsubscribe = watch?.kind === 'watch' ? watch.capture.subscribe(() => this.#dataChanged()) : null;
  }

  #explain(error: unknown): void {
    const hint = error instanceof VethscopeError && error.hint !== null ? ` ${this.options.unicode ? '→' : '->'} ${error.hint}` : '';
    const detail = error instanceof VethscopeError && error.detail !== null ? `: ${error.detail}` : '';
    this.notice(`${messageOf(error)}${detail}${hint}`, 'bad');
  }

  #set(change: Partial<UiState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed();
  }

  #dataChanged(): void {
    if (this.#dataTimer !== null) return;
    const waitMs = this.#lastData + DATA_INTERVAL_MS - performance.now();
    if (waitMs <= 0) {
      this.#showData();
      return;
    }
    this.#dataTimer = setTimeout(() => {
      this.#dataTimer = null;
      this.#showData();
    }, waitMs);
  }

  #showData(): void {
    this.#lastData = performance.now();
    this.#changed();
  }

  /** One notification a turn, however many keys came in it. */
  #pendingNotify = false;

  #changed(): void {
    this.#version++;
    if (this.#pendingNotify) return;
    this.#pendingNotify = true;
    queueMicrotask(() => {
      this.#pendingNotify = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
