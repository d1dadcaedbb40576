/** The topology as lines of a tree, each with the place to capture that it stands for. */
import { topologyLines } from '../topology-lines.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { TopologyScreen } from './screens.ts';
import { type Motion, moveIndex, scrollTo } from './scroll.ts';
import { openPoints } from './where.ts';

export const topologyMove = (screen: TopologyScreen, motion: Motion, ui: Ui): void => {
  const host = ui.workspace.getHost();
  const count = host === null ? 0 : topologyLines(host).length;
  const height = ui.bodyRows();
  const selected = moveIndex(screen.selected, motion, count, height);
  ui.replace({ ...screen, selected, top: scrollTo(screen.top, selected, count, height) });
};

export const topologyHandlers: Handlers<'topology'> = {
  capture: (screen, ui) => {
    const host = ui.workspace.getHost();
    const line = host === null ? undefined : topologyLines(host)[screen.selected];
    if (line?.point == null) ui.notice('there is no interface on this line to capture at', 'warn');
    else openPoints(ui, [line.point], line.point.container ?? line.point.interface, ui.options.filter, null, []);
  },
};
