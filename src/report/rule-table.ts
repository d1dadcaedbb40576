/** Rules with what they matched, for people: chain by chain as iptables -L -v lists them, and as one object a rule for programs. */
import { printable } from '../base/printable.ts';
import { isUsed, type RuleUse, type RuleUses } from './rule-use.ts';
import { foldGlyphs, type Style, tint } from './style.ts';
import { type Cell, formatTable, type Row } from './table.ts';
import { bytesText, countText } from './time.ts';

/** `all`: also rules that nothing met. */
export const ruleTable = ({ rules, packets, unplaced }: RuleUses, style: Style, all: boolean): string[] => {
  const shown = all ? rules : rules.filter(isUsed);
  const rows: Row[] = [['PACKETS', 'BYTES', 'FLOWS', 'KERNEL', 'RULE'].map((text, at): Cell => ({ text, tone: 'dim', right: at < 4 }))];
  const heads = new Map<number, string>();
  let chain = '';
  for (const use of shown) {
    const head = ruleChainWords(use);
    if (head !== chain) heads.set(rows.length, head);
    chain = head;
    rows.push(cellsOf(use));
  }
  const lines: string[] = [];
  for (const [at, line] of formatTable(rows, style, { indent: 1 }).entries()) {
    const head = heads.get(at);
    if (head !== undefined) lines.push('', tint(style, 'strong', head));
    lines.push(line);
  }
  const unused = rules.filter((use) => !isUsed(use)).length;
  lines.push(
    '',
    [
      countText(packets, 'packet'),
      ' followed through the rules',
      unplaced === 0 ? '' : `; of ${countText(unplaced, 'more', 'more')} no way is foretold`,
      unused === 0 || all ? '' : `; ${countText(unused, 'rule')} without any (--unused shows them)`,
    ].join(''),
  );
  return lines.map((line) => foldGlyphs(style, line));
};

const FAMILIES: Readonly<Record<string, string>> = { ip: 'IPv4', ip6: 'IPv6' };

/** `filter FORWARD  IPv4, nft`, `nft inet fw in`. */
export const ruleChainWords = ({ namespace, backend, family, table, chain }: RuleUse): string => {
  const where = backend === 'nftables' ? `nft ${family} ${table} ${chain}` : `${table} ${chain}  ${FAMILIES[family] ?? family}, ${backend}`;
  return printable(namespace === null ? where : `${where}, in ${namespace}`);
};

/** The rule without its chain; a policy by its verdict. */
export const ruleWords = ({ rule, text, chain }: Pick<RuleUse, 'rule' | 'text' | 'chain'>): string => {
  const start = `-A ${chain} `;
  return rule === null ? `policy ${text.split(' ').at(-1)}` : text.startsWith(start) ? text.slice(start.length) : text;
};

const cellsOf = ({ packets, bytes, flows, uncertain, counted, rule, text, chain }: RuleUse): Row => {
  const words = `${rule === null ? '' : `#${rule} `}${ruleWords({ rule, text, chain })}`;
  const perhaps = uncertain === 0 ? '' : `  (and ${countText(uncertain, 'packet')} perhaps)`;
  const right = (cell: string): Cell => ({ text: cell, right: true });
  return [
    right(packets.toLocaleString('en-US')),
    right(bytesText(bytes)),
    right(flows.toLocaleString('en-US')),
    right(counted === null ? '?' : `+${counted.toLocaleString('en-US')}`),
    `${words}${perhaps}`,
  ];
};

export const ruleUseJson = (use: RuleUse): Record<string, unknown> => ({
  type: 'rule',
  ...(use.namespace === null ? {} : { namespace: use.namespace }),
  backend: use.backend,
  family: use.family,
  table: use.table,
  chain: use.chain,
  rule: use.rule,
  text: use.text,
  packets: use.packets,
  bytes: use.bytes,
  flows: use.flows,
  uncertain: use.uncertain,
  counted: use.counted,
});
