/** The rules screen: what each rule met of the capture's packets, in which order, and the way from a rule to its flows. */
import { isUsed, type RuleUse, type RuleUses } from '../../report/rule-use.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { RuleSort, RulesScreen, WatchScreen } from './screens.ts';
import { clampIndex, type Motion, moveIndex, scrollTo } from './scroll.ts';

export const RULE_SORTS: readonly RuleSort[] = ['packets', 'bytes', 'flows', 'order'];

/** Two lines of totals and the titles stand above the rows. */
const HEAD_ROWS = 3;

/** The selected rule in full, its rule line included. */
export const ruleBoxRows = (bodyRows: number): number => (bodyRows >= 30 ? 7 : 6);

export const ruleTableRows = (bodyRows: number): number => Math.max(1, bodyRows - HEAD_ROWS - ruleBoxRows(bodyRows));

export interface ShownRules {
  readonly rows: readonly RuleUse[];
  readonly uses: RuleUses;
  /** -1 where there is none. */
  readonly selected: number;
}

export const ruleId = ({ namespace, backend, family, table, chain, rule, text }: RuleUse): string =>
  `${namespace ?? ''} ${backend} ${family} ${table} ${chain} ${rule ?? 'policy'} ${text}`;

/** All rows. Held ones keep their places; rules that are met for the first time follow below. */
export const shownRules = (screen: RulesScreen): ShownRules => {
  const uses = screen.rules.uses();
  const wanted = screen.unused ? uses.rules : uses.rules.filter(isUsed);
  const sorted = inOrder(wanted, screen.sort);
  const rows = screen.held.length === 0 ? sorted : heldFirst(sorted, screen.held);
  const index = screen.selected === null ? 0 : rows.findIndex((row) => ruleId(row) === screen.selected);
  return { rows, uses, selected: rows.length === 0 ? -1 : Math.max(0, index) };
};

const heldFirst = (sorted: readonly RuleUse[], held: readonly string[]): readonly RuleUse[] => {
  const places = new Map(held.map((id, at) => [id, at]));
  const known: RuleUse[] = [];
  const added: RuleUse[] = [];
  for (const row of sorted) {
    const at = places.get(ruleId(row));
    if (at === undefined) added.push(row);
    else known[at] = row;
  }
  // A rule that is gone by now leaves no gap.
  return [...known.filter((row) => row !== undefined), ...added];
};

/** Rules with as many keep the order in which packets meet them. */
const inOrder = (rules: readonly RuleUse[], sort: RuleSort): readonly RuleUse[] => {
  switch (sort) {
    case 'packets':
      return rules.toSorted((x, y) => y.packets + y.uncertain - x.packets - x.uncertain);
    case 'bytes':
      return rules.toSorted((x, y) => y.bytes - x.bytes);
    case 'flows':
      return rules.toSorted((x, y) => y.flows - x.flows);
    case 'order':
      return rules;
  }
};

export const ruleSortWords = (sort: RuleSort): string => (sort === 'order' ? 'chain and number' : `${sort}, descending`);

export const rulesMove = (screen: RulesScreen, motion: Motion, ui: Ui): void => {
  const height = ruleTableRows(ui.bodyRows());
  const { rows, selected } = shownRules(screen);
  if (rows.length === 0) return;
  const wanted = moveIndex(selected, motion, rows.length, height);
  const row = rows[clampIndex(wanted, rows.length)] as RuleUse;
  // On the first row the order is free to follow the counts.
  if (wanted === 0) ui.replace({ ...screen, selected: null, held: [], top: 0 });
  else ui.replace({ ...screen, selected: ruleId(row), held: rows.map(ruleId), top: scrollTo(screen.top, wanted, rows.length, height) });
};

export const openRules = (watch: WatchScreen, ui: Ui): void => {
  const { capture, rules, label } = watch;
  ui.push({ kind: 'rules', capture, rules, label, sort: 'packets', unused: false, selected: null, held: [], top: 0 });
};

/** A display filter that finds the flows which a rule decides, or matches. */
export const ruleFilter = ({ family, table, chain, rule }: RuleUse, field: 'rule' | 'step'): string => {
  const place = `${table}/${chain}${rule === null ? '' : `#${rule}`}`;
  const value = /^[\w./#-]+$/.test(place) ? place : `"${place.replaceAll('"', '')}"`;
  const version = family === 'ip' ? ' is:ipv4' : family === 'ip6' ? ' is:ipv6' : '';
  return `${field}:${value}${rule === null && field === 'rule' ? ' decided:policy' : ''}${version}`;
};

const showFlows = (screen: RulesScreen, ui: Ui, fields: readonly ('rule' | 'step')[]): void => {
  const { rows, selected } = shownRules(screen);
  const row = rows[selected];
  if (row === undefined) return;
  const total = (search: string): number => screen.capture.flows({ sort: 'first', descending: false, search, offset: 0, limit: 1 }).total;
  const field = fields.find((each) => total(ruleFilter(row, each)) > 0);
  const below = ui.state.stack.at(-2);
  if (field === undefined || below?.kind !== 'watch') {
    ui.notice(isUsed(row) ? 'none of the flows that are kept has met it' : 'no packet has met it', 'warn');
    return;
  }
  ui.pop();
  ui.replace({ ...below, search: ruleFilter(row, field), selected: null, held: [], offset: 0, frozen: null });
  const words = field === 'rule' ? 'flows that the rule decides' : 'flows that match the rule on their way';
  const instead = field === 'step' && fields.length > 1 ? 'it decides about no flow: these match it on their way' : words;
  ui.notice(`${instead}; esc shows all flows`);
};

export const rulesHandlers: Handlers<'rules'> = {
  flows: (screen, ui) => showFlows(screen, ui, ['rule', 'step']),
  matching: (screen, ui) => showFlows(screen, ui, ['step']),
  sort: (screen, ui) => {
    const sort = RULE_SORTS[(RULE_SORTS.indexOf(screen.sort) + 1) % RULE_SORTS.length] as RuleSort;
    ui.replace({ ...screen, sort, held: [], selected: null, top: 0 });
    ui.notice(`sorted by ${ruleSortWords(sort)}`);
  },
  unused: (screen, ui) => ui.replace({ ...screen, unused: !screen.unused, held: [], selected: null, top: 0 }),
};
