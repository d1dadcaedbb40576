/** A trail beside its prediction, as a table on the path screen: each place, what was predicted of it, and what was seen there. */
import { grouped } from '../base/grouped.ts';
import { trailCells } from '../report/trail-text.ts';
import type { DirectionTrail } from '../session/state/flow-verdict.ts';
import type { Spans } from './spans.ts';
import { cutEnd, displayWidth, fitTo, wrap } from './text.ts';
import { screenTone, type Tone } from './theme.ts';

const PREDICTED_WIDTH = 12;
const SEEN_WIDTH = 13;
/** No place is cut to less. */
const PLACE_MIN_WIDTH = 16;

export const trailSection = (direction: DirectionTrail | null, columns: number): Spans[] => {
  if (direction === null) return [];
  const { trail, words } = direction;
  const cells = trailCells(trail);
  const room = Math.max(PLACE_MIN_WIDTH, columns - 4 - PREDICTED_WIDTH - SEEN_WIDTH - 14);
  const width = Math.min(Math.max(8, ...cells.map(({ place }) => displayWidth(place))) + 2, room);
  const head = `    ${fitTo('TRAIL', width)}${fitTo('PREDICTED', PREDICTED_WIDTH)}${fitTo('SEEN', SEEN_WIDTH)}`;
  const lines: Spans[] = [[[head, 'dim']]];
  for (const [index, cell] of cells.entries()) {
    const between = trail.stops[index]?.place.between ?? '';
    const rest = columns - 4 - width - PREDICTED_WIDTH - SEEN_WIDTH - 1;
    const others = [cell.as === '' ? '' : `as ${cell.as}`, between === '' ? '' : `behind ${between}`]
      .filter((text) => text !== '')
      .join(' · ');
    const withOthers = (detail: string): string => [detail, others].filter((text) => text !== '').join(' · ');
    // How the hop's time varied is the first to go; what the packet looked like there is not cut off but gets a line of its own.
    const oneLine = [withOthers(`${cell.detail}${cell.range}`), withOthers(cell.detail)].find((text) => displayWidth(text) <= rest);
    const detail = oneLine ?? cell.detail;
    lines.push([
      index === trail.lastSeen ? ['  ▸ ', 'accent'] : '    ',
      [fitTo(cell.place, width), index === trail.lastSeen ? 'strong' : 'plain'],
      [fitTo(cell.predicted, PREDICTED_WIDTH), 'dim'],
      [fitTo(cell.seen, SEEN_WIDTH), screenTone(cell.tone)],
      [rest < 8 ? '' : cutEnd(detail, rest), 'dim'],
    ]);
    if (oneLine === undefined && others !== '') lines.push(['      ', [cutEnd(others, columns - 7), 'dim']]);
  }
  const tone: Tone = trail.agrees === false ? 'bad' : trail.agrees === true ? 'good' : 'plain';
  const said = words === null ? [] : wrap(words, columns - 6).map((line): Spans => ['    ', [line, tone]]);
  const doubt: Spans[] =
    trail.ambiguous === 0 ? [] : [['    ', [`${grouped(trail.ambiguous)} packets could not be told from others`, 'warn']]];
  return [...lines, ...said, ...doubt, ['']];
};
