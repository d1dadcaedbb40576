/** The host as a tree: bridges and what is plugged into them, parents, uplinks. */
import type { ReactElement } from 'react';
import { Lines } from '../components/lines.tsx';
import type { Spans } from '../spans.ts';
import type { TopologyScreen } from '../state/screens.ts';
import { scrollTo } from '../state/scroll.ts';
import { noHostWords } from '../state/where.ts';
import { topologyLines } from '../topology-lines.ts';
import type { ScreenProps } from './screen-props.ts';

export const Topology = ({ screen, ui, theme, rows, columns }: ScreenProps<TopologyScreen>): ReactElement => {
  const host = ui.workspace.getHost();
  if (host === null) return <Lines lines={[[], [[`  ${noHostWords(ui)}`, 'dim']]]} rows={rows} columns={columns} theme={theme} />;
  const lines = topologyLines(host);
  const selected = Math.min(screen.selected, lines.length - 1);
  const top = scrollTo(screen.top, selected, lines.length, rows);
  const shown = lines.slice(top, top + rows).map(({ text, point }, index): Spans => {
    const isSelected = index + top === selected;
    const [, stem, label] = /^([^\p{L}\p{N}]*)(.*)$/u.exec(text) ?? ['', '', text];
    return [
      [isSelected ? `${theme.symbols.pointer} ` : '  ', 'title'],
      [stem ?? '', 'dim'],
      [label ?? '', isSelected ? 'strong' : 'plain'],
      [isSelected && point !== null ? `   ${theme.symbols.dot} ${point.sees}` : '', 'accent'],
    ];
  });
  return <Lines lines={shown} rows={rows} columns={columns} theme={theme} />;
};
