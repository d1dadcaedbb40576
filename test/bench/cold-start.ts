/** Reads and compiles the ruleset of a file once, in a process that has done nothing before, and prints the milliseconds of both. */
import { readFileSync } from 'node:fs';
import { compileRuleset } from '../../src/netfilter/compile.ts';
import { compileNftables } from '../../src/netfilter/nft/compile.ts';
import { parseNftables } from '../../src/netfilter/nft/parse.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';

const text = readFileSync(process.argv[2] ?? '', 'utf8');
const start = process.hrtime.bigint();
const native = text.startsWith('{') ? parseNftables(text) : null;
if (native !== null && 'problem' in native) throw new Error(native.problem);
const ruleset = native ?? parseSave(text, { backend: 'nft', family: 'ip' });
const parsed = process.hrtime.bigint();
const chains = 'backend' in ruleset ? compileRuleset(ruleset) : compileNftables(ruleset);
const compiled = process.hrtime.bigint();
let rules = 0;
for (const table of ruleset.tables) for (const chain of table.chains) rules += chain.rules.length;
process.stdout.write(
  `${Number(parsed - start) / 1e6} ${Number(compiled - parsed) / 1e6} ${rules} ${chains.length} ${ruleset.problems.length}\n`,
);
