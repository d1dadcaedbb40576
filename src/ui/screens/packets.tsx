/** The newest packets of a flow, and below them the layers and bytes of the selected one. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { StoredPacket } from '../../session/state/capture-view.ts';
import { Lines } from '../components/lines.tsx';
import { ScrollView } from '../components/scroll-view.tsx';
import { packetDetail, packetSummary } from '../packet-detail.ts';
import type { Spans } from '../spans.ts';
import { packetBytesRows, packetListRows } from '../state/packets.ts';
import type { PacketsScreen } from '../state/screens.ts';
import { scrollTo } from '../state/scroll.ts';
import type { ScreenProps } from './screen-props.ts';

export const Packets = ({ screen, theme, rows, columns }: ScreenProps<PacketsScreen>): ReactElement => {
  const { packets, selected, pane } = screen;
  const height = packetListRows(rows);
  const top = scrollTo(screen.top, selected, packets.length, height);
  const first = packets[0];
  const list: Spans[] = packets.slice(top, top + height).map((stored, index) => {
    const isSelected = index + top === selected;
    return [
      [isSelected ? `${theme.symbols.pointer} ` : '  ', 'title'],
      [`${sinceText(stored, first)} `, 'dim'],
      [`${String(stored.originalLength).padStart(5)} `, 'dim'],
      [packetSummary(stored), isSelected ? 'strong' : 'plain'],
    ];
  });
  if (packets.length === 0) list.push([['  memory holds no packet of this flow any more', 'warn']]);
  const stored = packets[selected];
  const rule = theme.symbols.rule;
  const label = ` packet ${packets.length === 0 ? 0 : selected + 1} of ${packets.length}${pane === 'bytes' ? `, scrolling here` : ''} `;
  return (
    <Box flexDirection="column">
      <Lines
        lines={[
          [
            [' ', 'plain'],
            [screen.title, 'title'],
          ],
        ]}
        rows={1}
        columns={columns}
        theme={theme}
      />
      <Lines lines={list} rows={height} columns={columns} theme={theme} />
      <Lines
        lines={[[[`${rule}${label}${rule.repeat(Math.max(0, columns - label.length - 1))}`, pane === 'bytes' ? 'accent' : 'dim']]]}
        rows={1}
        columns={columns}
        theme={theme}
      />
      <ScrollView
        lines={stored === undefined ? [] : packetDetail(stored, screen.hex)}
        top={screen.bytesTop}
        rows={packetBytesRows(rows)}
        columns={columns}
        theme={theme}
      />
    </Box>
  );
};

/** Seconds since the first packet shown. */
const sinceText = (stored: StoredPacket, first: StoredPacket | undefined): string => {
  if (first === undefined) return '';
  const micro = (stored.timeSec - first.timeSec) * 1e6 + Math.round((stored.timeNsec - first.timeNsec) / 1000);
  return (micro / 1e6).toFixed(6).padStart(11);
};
