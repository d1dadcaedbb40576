/** The packets of a flow: a list above, the layers and bytes of the selected one below. */

import type { CaptureView } from '../../session/state/capture-view.ts';
import type { FlowRow } from '../../session/state/flow-row.ts';
import { packetDetail } from '../packet-detail.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { PacketsScreen } from './screens.ts';
import { type Motion, moveIndex, scrollTo } from './scroll.ts';

/** More than anyone scrolls through; memory may hold less. */
const PACKETS_SHOWN = 500;

export const flowTitle = (row: FlowRow): string => `${row.aName} → ${row.bName} ${row.protocol}`;

export const openPackets = (capture: CaptureView, flowId: number, title: string, ui: Ui): void => {
  const packets = capture.packetsOf(flowId, PACKETS_SHOWN);
  const selected = Math.max(0, packets.length - 1);
  ui.push({ kind: 'packets', capture, flowId, title, packets, selected, top: selected, pane: 'list', hex: true, bytesTop: 0 });
};

/** Rows of the list; its titles are not counted. The rest, less a rule, is for the bytes. */
export const packetListRows = (bodyRows: number): number => Math.max(3, Math.floor((bodyRows - 2) * 0.4));

export const packetBytesRows = (bodyRows: number): number => Math.max(1, bodyRows - packetListRows(bodyRows) - 2);

export const packetsMove = (screen: PacketsScreen, motion: Motion, ui: Ui): void => {
  if (screen.pane === 'bytes') {
    const stored = screen.packets[screen.selected];
    const count = stored === undefined ? 0 : packetDetail(stored, screen.hex).length;
    const height = packetBytesRows(ui.bodyRows());
    ui.replace({ ...screen, bytesTop: moveIndex(screen.bytesTop, motion, Math.max(1, count - height + 1), height) });
    return;
  }
  const height = packetListRows(ui.bodyRows());
  const selected = moveIndex(screen.selected, motion, screen.packets.length, height);
  ui.replace({ ...screen, selected, top: scrollTo(screen.top, selected, screen.packets.length, height), bytesTop: 0 });
};

export const packetsHandlers: Handlers<'packets'> = {
  'switch-pane': (screen, ui) => ui.replace({ ...screen, pane: screen.pane === 'list' ? 'bytes' : 'list' }),
  hex: (screen, ui) => ui.replace({ ...screen, hex: !screen.hex, bytesTop: 0 }),
  reload: (screen, ui) => {
    ui.pop();
    openPackets(screen.capture, screen.flowId, screen.title, ui);
    ui.notice('these are the newest packets');
  },
};
