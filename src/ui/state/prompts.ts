/** What happens with the line at the foot of the screen: while it is typed, when it is taken, when it is left. */
import { assertNever } from '../../base/assert-never.ts';
import { grouped } from '../../base/grouped.ts';
import { compileDisplayFilter, filterWhileTyped } from '../../session/flows/display-filter.ts';
import type { Ui } from '../ui.ts';
import { readSaveRequest, ringSelection, saveOptions } from './save-words.ts';
import type { Prompt, Screen, WatchScreen } from './screens.ts';
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
  const search = filterWhileTyped(text);
  if (prompt.purpose === 'search' && screen.kind === 'watch' && search !== null)
    ui.replace({ ...screen, search, selected: null, held: [], offset: 0, frozen: null });
};

export const acceptPrompt = (ui: Ui, prompt: Prompt): void => {
  const screen = shown(ui);
  const text = prompt.field.text.trim();
  switch (prompt.purpose) {
    case 'pick-filter':
    case 'topology-search':
      return;
    case 'search':
      // What is wrong with it is thrown, and told as every error is; the filter before it stays.
      compileDisplayFilter(text);
      if (screen.kind === 'watch' && screen.search !== text) ui.replace({ ...screen, search: text });
      return;
    case 'open-file':
      if (text === '') return;
      ui.run(
        `reading ${text}`,
        () => ui.workspace.openFile(text, { replays: true }),
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

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
