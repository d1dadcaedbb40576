/**
 * What a file that was read means for the exit code. As with tcpdump and tshark: what could be read of one that is cut off or damaged is told,
 * and then that this was not all.
 */
import { EXIT_CODES } from '../base/errors.ts';
import type { CaptureState } from '../session/state/capture-state.ts';

export const fileExitCode = ({ points, events }: Pick<CaptureState, 'points' | 'events'>): number => {
  const hasFailedPoint = points.some(({ status }) => status === 'failed');
  return hasFailedPoint || events.some(({ severity }) => severity === 'error') ? EXIT_CODES.failure : 0;
};
