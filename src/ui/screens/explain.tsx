/** The form for a question without traffic: from where, to where, which protocol. */
import type { ReactElement } from 'react';
import { Lines } from '../components/lines.tsx';
import { fieldSpans } from '../components/prompt-line.tsx';
import type { Spans } from '../spans.ts';
import { suggestions } from '../state/explain.ts';
import type { ExplainScreen } from '../state/screens.ts';
import type { ScreenProps } from './screen-props.ts';

const LABELS = ['SRC', 'DST', 'PROTO'] as const;

const HINTS = [
  'a container, an address, host or outside',
  'a container, an address, host or outside',
  'icmp, or tcp:80, udp:53: the protocol and the port that is called',
] as const;

export const Explain = ({ screen, ui, theme, rows, columns }: ScreenProps<ExplainScreen>): ReactElement => {
  const fields = screen.fields.map((field, index): Spans => {
    const focused = index === screen.focus;
    const text: Spans = focused ? fieldSpans(field, columns - 20, theme) : [field.text];
    return [
      [focused ? ` ${theme.symbols.pointer} ` : '   ', 'title'],
      [(LABELS[index] ?? '').padEnd(8), focused ? 'strong' : 'dim'],
      ...text,
      [focused ? `    ${HINTS[index]}` : '', 'dim'],
    ];
  });
  const found = suggestions(screen, ui);
  const lines: Spans[] = [
    [],
    [' What would happen to such a packet? Nothing is sent.'],
    [],
    ...fields,
    [],
    found.length === 0
      ? [['   no container starts so; an address will do too', 'dim']]
      : [
          ['   ', 'dim'],
          [found.slice(0, 12).join('  '), 'accent'],
        ],
  ];
  return <Lines lines={lines} rows={rows} columns={columns} theme={theme} />;
};
