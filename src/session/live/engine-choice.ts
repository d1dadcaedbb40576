/** Which engine a live capture takes where none is asked for, and what is missing where it can take none. */
import type { Capabilities, EngineKind } from '../../agent/protocol.ts';
import { missingError } from '../../base/errors.ts';
import type { CaptureOptions } from '../state/workspace.ts';

export const chooseEngine = (capabilities: Capabilities, options: Pick<CaptureOptions, 'engine' | 'forTrail'>): EngineKind => {
  const prefersTcpdump = options.forTrail === true && capabilities.programs['tcpdump'] !== null;
  const engine = capabilities.capLoads && !prefersTcpdump ? 'cap' : 'tcpdump';
  if (options.engine === 'cap' && !capabilities.capLoads) {
    throw missingError(capabilities.remote === null ? 'the libpcap binding (cap) is not built here' : 'cap captures on this machine only', {
      detail: capabilities.capError ?? '',
      hint: capabilities.remote === null ? 'apt-get install libpcap-dev && npm rebuild cap, or --engine tcpdump' : '--engine tcpdump',
    });
  }
  if ((options.engine === 'tcpdump' || (options.engine === 'auto' && engine === 'tcpdump')) && capabilities.programs['tcpdump'] === null) {
    throw missingError(
      capabilities.remote === null
        ? 'no capture engine here: neither the libpcap binding (cap) nor tcpdump'
        : `tcpdump is not installed on ${capabilities.remote}`,
      { hint: 'apt-get install tcpdump' },
    );
  }
  return engine;
};
