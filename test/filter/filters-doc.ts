/** docs/filters.md, from the table of fields. */
import { FIELDS } from '../../src/filter/fields.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const rows = FIELDS.map(({ name, aliases, words, example, values }) => {
  const names = [name, ...(aliases ?? [])].map((each) => `\`${each}\``).join(', ');
  const taken = values === undefined ? '' : values.map((value) => `\`${value}\``).join(' ');
  return `| ${names} | ${cell(words)} | ${taken} | \`${example}\` |`;
});

export const filtersMarkdown = (): string => `# Filters

Two kinds, which say different things:

- a **capture filter** is about packets, in the syntax of pcap-filter(7): \`tcp port 80\`, \`host 10.0.0.1 and not arp\`. What it does not let
  pass is not captured, or not read from a file. \`capture TARGET FILTER\`, \`read FILE FILTER\`, \`f\` in the UI;
- a **display filter** is about flows, with their names and verdicts: \`verdict:drop container:web1 port:80 rule:DOCKER-ISOLATION\`. What it
  does not find is not shown; it goes on being captured. \`-Y\` of \`capture\` and \`read\`, \`/\` in the UI, where tab completes.

## Display filters

Terms beside each other (or with \`and\`, \`&&\`) must all hold; \`or\` (\`||\`) for either, \`not\` (\`!\`, before a term or a parenthesis) for the
opposite, parentheses for what belongs together. Upper and lower case are the same.

- \`field:value\` or \`field=value\`; several values with commas are a choice: \`port:80,443\`; \`field!=value\` is its opposite.
- Fields with numbers also take \`<\`, \`<=\`, \`>\`, \`>=\` and ranges: \`port:8000-9000\`, \`rtt>10ms\`, \`bytes>=1M\`.
- \`*\` and \`?\` stand for any characters and for one: \`container:web*\`. A value with blanks, commas or parentheses stands in quotation marks.
- A bare word is looked for in names, addresses, ports, protocol, state, deciding rule and translation: \`web1 8080\`.

| field | finds | values | for example |
| --- | --- | --- | --- |
${rows.join('\n')}

A flow that has no such thing (a ping has no port, ARP has no verdict) is found by none of its values, and by \`!=\`. In a live capture a flow is
told from the moment on when the filter holds of it.
`;
