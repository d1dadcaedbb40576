/** Reads and compiles the ruleset of a file once, in a process that has done nothing before, and prints the milliseconds of both. */
import { readFileSync } from 'node:fs';
import { compileRuleset } from '../../src/netfilter/compile.ts';
import { parseSave } from '../../src/netfilter/parse/save.ts';

const text = readFileSync(process.argv[2] ?? '', 'utf8');
const start = process.hrtime.bigint();
const ruleset = parseSave(text, { backend: 'nft', family: 'ip' });
const parsed = process.hrtime.bigint();
const chains = compileRuleset(ruleset);
const compiled = process.hrtime.bigint();
const rules = ruleset.tables.reduce((sum, table) => sum + table.chains.reduce((count, chain) => count + chain.rules.length, 0), 0);
process.stdout.write(
  `${Number(parsed - start) / 1e6} ${Number(compiled - parsed) / 1e6} ${rules} ${chains.length} ${ruleset.problems.length}\n`,
);
