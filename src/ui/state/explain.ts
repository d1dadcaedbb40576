/** The form that asks what would happen to a packet. */
import { usageError } from '../../base/errors.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { ExplainScreen } from './screens.ts';
import { insertText, type TextField, textField } from './text-field.ts';
import { noHostWords } from './where.ts';

const PROTOCOLS = ['icmp', 'tcp:80', 'tcp:443', 'udp:53'];

/** What the focused field could be completed to, best first. */
export const suggestions = (screen: ExplainScreen, ui: Ui): readonly string[] => {
  const typed = screen.fields[screen.focus].text;
  if (screen.focus === 2) return PROTOCOLS.filter((name) => name.startsWith(typed));
  const names = ui.workspace.getHost()?.topology.containers.map((container) => container.name) ?? [];
  return [...names, 'host', 'outside'].filter((name) => name.startsWith(typed));
};

const withField = (screen: ExplainScreen, field: TextField): ExplainScreen => {
  const fields = screen.fields.map((other, index) => (index === screen.focus ? field : other));
  return { ...screen, fields: fields as unknown as ExplainScreen['fields'] };
};

export const explainType = (screen: ExplainScreen, text: string, ui: Ui): void =>
  ui.replace(withField(screen, insertText(screen.fields[screen.focus], text)));

export const explainHandlers: Handlers<'explain'> = {
  ask: (screen, ui) => {
    const [src, dst, proto] = screen.fields.map((field) => field.text.trim()) as [string, string, string];
    const empty = [src, dst, proto].indexOf('');
    if (empty >= 0) {
      ui.replace({ ...screen, focus: empty as ExplainScreen['focus'] });
      return;
    }
    const host = ui.workspace.getHost();
    if (host === null) throw usageError(noHostWords(ui));
    // Asked once here, so that a bad question is told beside the form that it came from.
    ui.workspace.explain(src, dst, proto, { whyNot: false });
    ui.push({ kind: 'path', source: { kind: 'question', src, dst, proto }, direction: 'there', whyNot: false, top: 0 });
  },
  'next-field': (screen, ui) => {
    const typed = screen.fields[screen.focus].text;
    const [best] = suggestions(screen, ui);
    if (typed !== '' && best !== undefined && best !== typed && !suggestions(screen, ui).includes(typed)) {
      ui.replace(withField(screen, textField(best)));
      return;
    }
    ui.replace({ ...screen, focus: ((screen.focus + 1) % 3) as ExplainScreen['focus'] });
  },
  'previous-field': (screen, ui) => ui.replace({ ...screen, focus: ((screen.focus + 2) % 3) as ExplainScreen['focus'] }),
  back: (_screen, ui) => ui.pop(),
};
