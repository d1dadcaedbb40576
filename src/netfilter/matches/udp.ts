/** -m udp: the ports of UDP. udp_mt in xt_tcpudp.c. */
import { IPPROTO_UDP } from '../protocols.ts';
import { optionMatch } from './condition.ts';
import { portOptions } from './ports.ts';

export const udp = optionMatch('udp', portOptions(IPPROTO_UDP, true));
