/** From a workspace to a running screen and back to the shell: terminal, signals, defects, the last words. */

import { constants } from 'node:os';
import { render } from 'ink';
import { messageOf, VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { savingLines } from '../report/summary-lines.ts';
import type { Workspace } from '../session/state/workspace.ts';
import { App } from './app.tsx';
import { UiStore } from './state/store.ts';
import { captureTarget } from './state/where.ts';
import { FrameWriter } from './terminal/frame-writer.ts';
import { LineSlots } from './terminal/line-slots.ts';
import { Terminal } from './terminal/terminal.ts';
import { makeTheme } from './theme.ts';
import type { Ui, UiOptions } from './ui.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Closing may hang on a dead engine or a full disk; the person gets the shell back all the same. */
const CLOSE_MS = 5000;

interface Ending {
  readonly code: number;
  readonly error: unknown;
}

export const startUi = async (workspace: Workspace, options: UiOptions): Promise<number> => {
  let end: (ending: Ending) => void = () => {};
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const fail = (error: unknown): void => end({ code: 1, error: error ?? new Error('unknown defect') });

  const terminal = new Terminal(process.stdin, process.stdout, {
    key: (input) => store.press(input),
    resize: (size) => {
      frames.resize(size);
      store.resize(size);
    },
    gone: () => end({ code: 128 + constants.signals.SIGHUP, error: null }),
  });
  const slots = new LineSlots();
  const frames = new FrameWriter(terminal, slots, terminal.size, options.unicode);
  const store = new UiStore(workspace, options, terminal.size, {
    now: () => Date.now(),
    copy: (text) => terminal.copy(text),
    redraw: () => frames.redraw(),
    quit: (code) => end({ code, error: null }),
    fail,
  });

  const stopListening = listen(end, fail);
  terminal.enter();
  const instance = render(<App store={store} slots={slots} theme={makeTheme(options)} />, {
    // Ink wants a terminal's stream; of it, it uses write, columns and rows.
    stdout: frames as unknown as NodeJS.WriteStream,
    stdin: process.stdin,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  // Ink settles this when drawing throws.
  instance.waitUntilExit().catch(fail);
  openFirst(store, options);

  const ending = await ended;
  frames.close();
  terminal.leave();
  instance.unmount();
  const saved = await within(CLOSE_MS, closeAll(store, workspace));
  stopListening();
  for (const words of saved ?? ['closing took too long: a file may lack its last packets']) process.stderr.write(`${printable(words)}\n`);
  if (ending.error !== null) process.stderr.write(`${errorText(ending.error)}\n`);
  return ending.code;
};

/** What the command line asked for, as soon as the host has been read. */
const openFirst = (ui: Ui, options: UiOptions): void => {
  const { file, container } = options;
  if (file != null) {
    ui.run(
      `reading ${file}`,
      () => ui.workspace.openFile(file, { replays: true }),
      (capture) => ui.watch(capture, file.slice(file.lastIndexOf('/') + 1)),
      (capture) => void capture.stop(),
    );
  }
  if (container == null) return;
  ui.run(
    `looking for ${container}`,
    () =>
      new Promise<void>((resolve) => {
        if (ui.workspace.getHost() !== null) return resolve();
        const stop = ui.workspace.subscribe(() => {
          if (ui.workspace.getHost() === null) return;
          stop();
          resolve();
        });
      }),
    () => {
      try {
        captureTarget(container, ui);
      } catch (error) {
        if (!(error instanceof VethscopeError)) throw error;
        ui.notice(errorText(error), 'bad');
      }
    },
  );
};

const listen = (end: (ending: Ending) => void, fail: (error: unknown) => void): (() => void) => {
  const onSignal = (signal: NodeJS.Signals): void => end({ code: 128 + constants.signals[signal], error: null });
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('uncaughtException', fail);
    process.off('unhandledRejection', fail);
  };
};

const closeAll = async (store: UiStore, workspace: Workspace): Promise<readonly string[]> => {
  const saved = await store.close();
  const problems: string[] = [];
  await workspace.close().catch((error: unknown) => problems.push(`closing: ${messageOf(error)}`));
  return [...saved.flatMap(savingLines), ...problems];
};

const within = <T,>(ms: number, work: Promise<T>): Promise<T | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

/** Errors meant for people as they are; a defect with its stack, for a report. */
const errorText = (error: unknown): string => {
  if (error instanceof VethscopeError) {
    const parts = [error.message, error.detail, error.hint].filter((part) => part !== null);
    return parts.map(printable).join('\n');
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `vethscope: unexpected error, please report it\n${stack.split('\n').map(printable).join('\n')}`;
};
