/** The path of a packet: every rule that it met, in the kernel's order, and which one decided. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import { Lines } from '../components/lines.tsx';
import { ScrollView } from '../components/scroll-view.tsx';
import { evidenceWords, pathLines } from '../path-lines.ts';
import { leftRight } from '../spans.ts';
import { PATH_HEAD_ROWS, pathContent } from '../state/path.ts';
import type { PathScreen } from '../state/screens.ts';
import type { ScreenProps } from './screen-props.ts';

export const Path = ({ screen, ui, theme, rows, columns }: ScreenProps<PathScreen>): ReactElement => {
  const content = pathContent(screen, ui);
  const title = screen.direction === 'reply' ? `${content.title} · the reply` : content.title;
  const head = leftRight([' ', [title, 'title']], [...evidenceWords(content), ' '], columns, theme);
  return (
    <Box flexDirection="column">
      <Lines lines={[head, [[theme.symbols.rule.repeat(columns), 'dim']]]} rows={PATH_HEAD_ROWS} columns={columns} theme={theme} />
      <ScrollView
        lines={pathLines(content, screen, columns)}
        top={screen.top}
        rows={rows - PATH_HEAD_ROWS}
        columns={columns}
        theme={theme}
      />
    </Box>
  );
};
