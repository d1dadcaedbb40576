/** What happens with the line at the foot of the screen: while it is typed, when it is taken, when it is left. */

import { readdirSync } from 'node:fs';
import { assertNever } from '../../base/assert-never.ts';
import { grouped } from '../../base/grouped.ts';
import type { Ui } from '../ui.ts';
import { readSaveRequest, ringSelection, SAVE_WORDS, saveOptions } from './save-words.ts';
import type { Prompt, Screen, WatchScreen } from './screens.ts';
import { textField } from './text-field.ts';
import { topologySearch } from './topology.ts';
import { markAlong } from './where.ts';

const shown = (ui: Ui): Screen => ui.state.stack.at(-1) as Screen;

/** Filters show their effect while they are typed. */
export const promptTyped = (ui: Ui, prompt: Prompt): void => applyLive(ui, prompt, prompt.field.text);

export const cancelPrompt = (ui: Ui, prompt: Prompt): void => applyLive(ui, prompt, prompt.before);

const applyLive = (ui: Ui, prompt: Prompt, text: string): void => {
  const screen = shown(ui);
  if (prompt.purpose === 'pick-filter' && screen.kind === 'pick') ui.replace({ ...screen, filter: text, selected: null, top: 0 });
  if (prompt.purpose === 'topology-search' && screen.kind === 'topology') topologySearch(screen, text, ui);
  if (prompt.purpose === 'search' && screen.kind === 'watch')
    ui.replace({ ...screen, search: text, selected: null, held: [], offset: 0, frozen: null });
};

export const acceptPrompt = (ui: Ui, prompt: Prompt): void => {
  const screen = shown(ui);
  const text = prompt.field.text.trim();
  switch (prompt.purpose) {
    case 'pick-filter':
    case 'topology-search':
    case 'search':
      return;
    case 'open-file':
      if (text === '') return;
      ui.run(
        `reading ${text}`,
        () => ui.workspace.openFile(text),
        (capture) => ui.watch(capture, baseName(text)),
        (capture) => void capture.stop(),
      );
      return;
    case 'where-filter':
      if (screen.kind === 'where') ui.replace({ ...screen, filter: text });
      return;
    case 'where-to':
      if (screen.kind === 'where' && text !== '') markAlong(screen, text, ui);
      return;
    case 'where-file':
      if (screen.kind === 'where' && text !== '') ui.replace({ ...screen, file: text, saving: true });
      return;
    case 'capture-filter':
      if (screen.kind !== 'watch') return;
      ui.run(
        'changing the filter',
        () => screen.capture.setFilter(text),
        () => ui.notice(text === '' ? 'capturing everything from here on' : `capturing ${text} from here on`, 'good'),
      );
      return;
    case 'save':
      if (screen.kind === 'watch' && text !== '') save(screen, text, ui);
      return;
    case 'save-memory':
      if (screen.kind === 'watch' && text !== '') saveMemory(screen, text, ui);
      return;
    default:
      assertNever(prompt.purpose);
  }
};

const save = (screen: WatchScreen, text: string, ui: Ui): void => {
  const request = readSaveRequest(text, screen, ui);
  const options = typeof request === 'string' ? request : saveOptions(request);
  if (typeof request === 'string' || typeof options === 'string') {
    ui.notice(typeof request === 'string' ? request : String(options), 'warn');
    return;
  }
  const { path } = request;
  ui.run(
    `opening ${path}`,
    () => screen.capture.startSaving(path, options),
    () => ui.notice(`saving to ${path} from here on`, 'good'),
  );
};

const saveMemory = (screen: WatchScreen, text: string, ui: Ui): void => {
  const request = readSaveRequest(text, screen, ui);
  if (typeof request === 'string') {
    ui.notice(request, 'warn');
    return;
  }
  const { path } = request;
  ui.run(
    `writing ${path}`,
    () => screen.capture.saveRing(path, ringSelection(request)),
    (packets) => ui.notice(`saved ${grouped(packets)} ${packets === 1 ? 'packet' : 'packets'} to ${path}`, 'good'),
  );
};

/** Completes the name of a file as far as it is certain, and lists what it could be. */
export const completePrompt = (prompt: Prompt): Prompt => {
  if (!['open-file', 'where-file', 'save', 'save-memory'].includes(prompt.purpose)) return prompt;
  const { text } = prompt.field;
  if ((prompt.purpose === 'save' || prompt.purpose === 'save-memory') && text.includes('|')) return completeWord(prompt, text);
  const slash = text.lastIndexOf('/');
  const folder = text.slice(0, slash + 1);
  const start = text.slice(slash + 1);
  const names = namesIn(folder === '' ? '.' : folder).filter((name) => name.startsWith(start) && (start !== '' || !name.startsWith('.')));
  if (names.length === 0) return { ...prompt, candidates: [] };
  const common = names.reduce((left, right) => commonStart(left, right));
  return { ...prompt, field: textField(folder + common), candidates: names.length === 1 ? [] : names };
};

/** The words behind the bar. */
const completeWord = (prompt: Prompt, text: string): Prompt => {
  const start = text.search(/[^\s,|]*$/);
  const words = SAVE_WORDS.filter((word) => word.startsWith(text.slice(start)));
  const [only] = words;
  if (only === undefined) return { ...prompt, candidates: [] };
  if (words.length > 1) return { ...prompt, candidates: words };
  return { ...prompt, field: textField(text.slice(0, start) + only), candidates: [] };
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort();
  } catch {
    // A folder that cannot be read has nothing to offer; opening the file will say why.
    return [];
  }
};

const commonStart = (left: string, right: string): string => {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  return left.slice(0, at);
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
