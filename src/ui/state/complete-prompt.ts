/** What tab does in a line that is typed: names of files, fields and values of display filters, words of capture filters. */
import { readdirSync } from 'node:fs';
import { assertNever } from '../../base/assert-never.ts';
import { formatIp, formatPrefix } from '../../base/ip-address.ts';
import { printable } from '../../base/printable.ts';
import { type Completion, commonStart, completeFilter, type FilterVocabulary } from '../../filter/complete.ts';
import { type CaptureVocabulary, completeCaptureFilter } from '../../filter/complete-capture.ts';
import type { Ui } from '../ui.ts';
import { SAVE_WORDS } from './save-words.ts';
import type { Prompt } from './screens.ts';
import { textField } from './text-field.ts';

/** Completes as far as it is certain, and lists what it could be. */
export const completePrompt = (prompt: Prompt, ui: Ui): Prompt => {
  switch (prompt.purpose) {
    case 'search':
      return completed(prompt, (text, cursor) => completeFilter(text, cursor, vocabularyOf(ui)));
    case 'capture-filter':
    case 'where-filter':
      return completed(prompt, (text, cursor) => completeCaptureFilter(text, cursor, addressesOf(ui)));
    case 'save':
    case 'save-memory':
      return prompt.field.text.includes('|') ? completeSaveWord(prompt) : completeFileName(prompt);
    case 'open-file':
    case 'where-file':
      return completeFileName(prompt);
    case 'pick-filter':
    case 'topology-search':
    case 'where-to':
      return prompt;
    default:
      return assertNever(prompt.purpose);
  }
};

/** The field counts characters, filters count UTF-16 units. */
const completed = (prompt: Prompt, complete: (text: string, cursor: number) => Completion): Prompt => {
  const { field } = prompt;
  const at = [...field.text].slice(0, field.cursor).join('').length;
  const { text, cursor, candidates } = complete(field.text, at);
  return { ...prompt, field: { text, cursor: [...text.slice(0, cursor)].length }, candidates };
};

const completeFileName = (prompt: Prompt): Prompt => {
  const { text } = prompt.field;
  const slash = text.lastIndexOf('/');
  const folder = text.slice(0, slash + 1);
  const start = text.slice(slash + 1);
  const names = namesIn(folder === '' ? '.' : folder).filter((name) => name.startsWith(start) && (start !== '' || !name.startsWith('.')));
  if (names.length === 0) return { ...prompt, candidates: [] };
  const common = names.reduce((left, right) => commonStart(left, right));
  return { ...prompt, field: textField(folder + common), candidates: names.length === 1 ? [] : names };
};

/** The words behind the bar. */
const completeSaveWord = (prompt: Prompt): Prompt => {
  const { text } = prompt.field;
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

/** So many of the newest flows are looked at for names and chains. */
const VOCABULARY_ROWS = 500;

/** What this host and this capture have names for. */
const vocabularyOf = (ui: Ui): FilterVocabulary => {
  const screen = ui.state.stack.at(-1);
  const containers = (ui.workspace.getHost()?.topology.containers ?? []).map(({ name }) => printable(name));
  const names = new Set(containers);
  const chains = new Set<string>();
  const devices = new Set<string>();
  if (screen?.kind === 'watch') {
    const { rows } = screen.capture.flows({ sort: 'last', descending: true, search: '', offset: 0, limit: VOCABULARY_ROWS });
    for (const { aName, bName, verdict } of rows) {
      names.add(aName).add(bName);
      for (const each of [verdict?.verdict, verdict?.reply]) {
        if (each == null) continue;
        for (const { chain } of each.steps) if (chain !== null) chains.add(chain);
        if (each.out !== null) devices.add(each.out);
      }
    }
  }
  return { containers, names: [...names], chains: [...chains], devices: [...devices] };
};

const addressesOf = (ui: Ui): CaptureVocabulary => {
  const host = ui.workspace.getHost();
  const addresses = (host?.topology.containers ?? []).flatMap(({ endpoints }) => endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  const subnets = (host?.facts.networks ?? []).flatMap((network) => network.subnets);
  return { addresses: addresses.flatMap((ip) => (ip === null ? [] : [formatIp(ip)])), prefixes: subnets.map(formatPrefix) };
};
