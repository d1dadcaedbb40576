/** The first line: the program, the host, and on which screen one is. */
import type { ReactElement } from 'react';
import type { HostState } from '../../session/state/host-state.ts';
import type { JudgedBy } from '../../session/state/workspace.ts';
import { joinFitting, leftRight, type Spans } from '../spans.ts';
import type { Screen } from '../state/screens.ts';
import { cutEnd } from '../text.ts';
import type { Theme } from '../theme.ts';
import { Line } from './line.tsx';

/** The program's name, the screen's, what parts them, and the help at the right. */
const TROUBLE_LEAVES = 33;
const MIN_TROUBLE = 20;

export interface TitleBarProps {
  readonly screen: Screen;
  readonly host: HostState | null;
  readonly judgedBy: JudgedBy | null;
  readonly columns: number;
  readonly theme: Theme;
}

export const TitleBar = ({ screen, host, judgedBy, columns, theme }: TitleBarProps): ReactElement => {
  const right: Spans = [['? help ', 'dim']];
  // The first screen says of itself that it shows a snapshot.
  const isSaid = judgedBy === null || (judgedBy.kind === 'snapshot' && screen.kind === 'pick');
  const judged: Spans[] = isSaid ? [] : [[[judgedBy.words, 'warn']]];
  const between = [` ${theme.symbols.dot} `, 'dim'] as const;
  const parts = titleParts(screen, host, columns - TROUBLE_LEAVES, theme);
  const left = joinFitting([[[' vethscope', 'title']], ...parts.slice(0, 1), ...judged, ...parts.slice(1)], between, columns - 8, theme);
  return (
    <Line
      spans={leftRight(left, screen.kind === 'explain' ? [['f1 help ', 'dim']] : right, columns, theme)}
      columns={columns}
      theme={theme}
    />
  );
};

const titleParts = (screen: Screen, host: HostState | null, room: number, theme: Theme): Spans[] => {
  const trouble = troublePart(host, room, theme);
  switch (screen.kind) {
    case 'pick':
      return hostParts(host, trouble);
    case 'where':
      return [[[`where to capture ${screen.container}`, 'strong']]];
    case 'watch':
      return [[['watch', 'strong']], ...trouble];
    case 'path':
      return [[['path', 'strong']]];
    case 'trace':
      return [[['trace', 'strong']]];
    case 'packets':
      return [[['packets', 'strong']]];
    case 'rules':
      return [[['rules', 'strong']]];
    case 'diff':
      return [[['changed verdicts', 'strong']]];
    case 'topology':
      return [[['topology', 'strong']], ...trouble];
    case 'explain':
      return [[['explain a path', 'strong']]];
    case 'text':
      return [[[screen.title, 'strong']]];
    case 'help':
      return [[['help', 'strong']]];
    case 'events':
      return [[['events', 'strong']]];
  }
};

const hostParts = (host: HostState | null, trouble: Spans[]): Spans[] => {
  if (host === null) return [];
  const { facts, topology, live } = host;
  // A backend that was read and holds nothing decides nothing.
  const backends = [...new Set(facts.self.rulesets.filter((ruleset) => ruleset.tables.length > 0).map((ruleset) => ruleset.backend))];
  const networks = facts.networks.length;
  return [
    ...(live ? [] : [[[`snapshot of ${facts.hostName}`, 'warn'] as const]]),
    ...trouble,
    [facts.dockerVersion === null ? 'no docker' : `docker ${facts.dockerVersion}`],
    [`${topology.containers.length} ${topology.containers.length === 1 ? 'container' : 'containers'}`],
    [`${networks} ${networks === 1 ? 'network' : 'networks'}`],
    [
      facts.self.rulesets.length === 0
        ? 'rules could not be read'
        : backends.length === 0
          ? 'no rules'
          : `${backends.sort().reverse().join(' + ')} rules`,
    ],
  ];
};

/** What would not fit is left out as a whole, and this must not be. */
const troublePart = (host: HostState | null, room: number, theme: Theme): Spans[] =>
  host?.trouble == null ? [] : [[[cutEnd(theme.clean(host.trouble), Math.max(MIN_TROUBLE, room), theme.symbols.ellipsis), 'warn']]];
