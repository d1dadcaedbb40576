/** Where to capture: the container's way out as a line, the places on it, and what each of them sees. */
import type { ReactElement } from 'react';
import type { PathNode } from '../../topology/topology.ts';
import { Lines } from '../components/lines.tsx';
import type { Span, Spans } from '../spans.ts';
import type { WhereScreen } from '../state/screens.ts';
import { displayWidth, fitTo } from '../text.ts';
import type { Theme } from '../theme.ts';
import type { ScreenProps } from './screen-props.ts';

export const Where = ({ screen, theme, rows, columns }: ScreenProps<WhereScreen>): ReactElement => {
  const lines: Spans[] = [[]];
  screen.lines.forEach((nodes, line) => {
    lines.push(...wayOutLines(screen, nodes, line, columns, theme), []);
  });
  const { marked, to } = screen;
  const several = marked.length === 0 ? '' : ` · ${marked.length} marked: enter captures ${marked.length === 1 ? 'it' : 'them together'}`;
  const along = to === null ? '' : `, all along the way to ${theme.clean(to)}`;
  lines.push([
    [' Capture at', 'strong'],
    [`${several}${along}`, 'accent'],
  ]);
  lines.push(...placeLines(screen, theme), []);
  lines.push([[' filter   ', 'dim'], screen.filter === '' ? ['none: every packet', 'dim'] : screen.filter]);
  lines.push(
    screen.saving
      ? [
          [' save to  ', 'dim'],
          [screen.file, 'accent'],
        ]
      : [
          [' save to  ', 'dim'],
          ['nothing is saved', 'dim'],
          [`   (s saves to ${screen.file})`, 'dim'],
        ],
  );
  return <Lines lines={lines} rows={rows} columns={columns} theme={theme} />;
};

/** The nodes side by side, as many as fit on a line, the rest indented below. */
const wayOutLines = (screen: WhereScreen, nodes: readonly PathNode[], line: number, columns: number, theme: Theme): Spans[] => {
  const chosen = screen.places[screen.chosen];
  const lines: Span[][] = [[' ']];
  let used = 1;
  nodes.forEach((node, index) => {
    const isChosen = chosen?.point.id === node.point?.id && node.point !== null && (chosen?.line === line || chosen?.node === index);
    const label = theme.clean(`${node.label}${node.address === null ? '' : ` ${node.address}`}`);
    const rule = theme.symbols.rule.repeat(2);
    const link = index === nodes.length - 1 ? '' : ` ${rule}${node.link === null ? '' : `${node.link}`}${rule} `;
    const width = displayWidth(label) + displayWidth(link) + 2;
    if (used + width > columns - 1 && used > 1) {
      lines.push(['      ']);
      used = 6;
    }
    const current = lines.at(-1) as Span[];
    const isMarked = node.point !== null && screen.marked.includes(node.point.id);
    if (isChosen) current.push([`[${label}]`, 'title']);
    else if (isMarked) current.push([`${theme.symbols.mark}${label}`, 'title']);
    else current.push([label, node.point === null ? 'plain' : 'accent']);
    current.push([link, 'dim']);
    used += width;
  });
  return lines;
};

const placeLines = (screen: WhereScreen, theme: Theme): Spans[] => {
  const width = Math.max(...screen.places.map((place) => displayWidth(theme.clean(place.point.interface))), 8);
  return screen.places.map((place, index): Spans => {
    const chosen = index === screen.chosen;
    const isMarked = screen.marked.includes(place.point.id);
    return [
      [chosen ? ` ${theme.symbols.pointer}` : '  ', 'title'],
      [isMarked ? theme.symbols.mark : ' ', 'accent'],
      [fitTo(theme.clean(place.point.interface), width + 2), chosen ? 'strong' : 'plain'],
      [fitTo(place.point.kind, 11), 'dim'],
      [`here: ${place.point.sees}`, chosen ? 'strong' : 'plain'],
    ];
  });
};
