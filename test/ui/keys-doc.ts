/** docs/keys.md, from the key table. */
import { bindingsOf, type KeyScope, SCOPE_TITLES } from '../../src/ui/keys.ts';
import { keyLabel } from '../../src/ui/state/scrolled-lines.ts';

export const keysMarkdown = (): string => {
  const scopes = (Object.keys(SCOPE_TITLES) as KeyScope[]).filter((scope) => bindingsOf(scope).length > 0);
  const sections = scopes.map((scope) => {
    const rows = bindingsOf(scope).map((row) => `| ${row.keys.map((key) => `\`${keyLabel(key)}\``).join(' ')} | ${row.words} |`);
    return `## ${SCOPE_TITLES[scope]}\n\n| key | what it does |\n| --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Keys\n\nThe help screen (\`?\`) shows the same table, the keys of the screen that you are on first. This page is written from
\`src/ui/keys.ts\`: \`npx vitest run test/ui/keys.test.ts -u\` writes it anew.\n\n${sections.join('\n')}`;
};
