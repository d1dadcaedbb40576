/** -m state: the older name for --ctstate, without SNAT and DNAT. iptables-extensions(8). */
import { optionMatch } from './condition.ts';
import { ctStateAsk } from './ct-state.ts';

export const state = optionMatch('state', { '--state': (option) => ctStateAsk(option, false) });
