/**
 * Whether connection tracking takes a later TCP packet of a connection, by the state that it is in: tcp_conntracks and
 * get_conntrack_index in nf_conntrack_proto_tcp.c. Sequence numbers are taken to lie in the window.
 */

const TH_FIN = 1;
const TH_SYN = 2;
const TH_RST = 4;
const TH_ACK = 16;

/** The columns: states as `conntrack -L` names them. */
const STATES = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2'];

type Row = 'syn' | 'synack' | 'fin' | 'ack' | 'rst' | 'none';

/** What comes of a packet: `x` where it is invalid (sIV), `i` where it is let pass without changing the state (sIG), `.` a new state. */
const ORIGINAL: Readonly<Record<Row, string>> = {
  syn: '..iiiii...',
  synack: 'xx.xxxxxx.',
  fin: 'xx.......x',
  ack: '.x.......x',
  rst: 'x.........',
  none: 'xxxxxxxxxx',
};
const REPLY: Readonly<Record<Row, string>> = {
  syn: 'x.xxxxx.x.',
  synack: 'x.iiiiiii.',
  fin: 'xx.......x',
  ack: 'xi.......i',
  rst: 'x.........',
  none: 'xxxxxxxxxx',
};

const rowOf = (flags: number): Row => {
  if (flags & TH_RST) return 'rst';
  if (flags & TH_SYN) return flags & TH_ACK ? 'synack' : 'syn';
  if (flags & TH_FIN) return 'fin';
  return flags & TH_ACK ? 'ack' : 'none';
};

/** True where the packet is INVALID although its connection is known. A state that has no name here refuses nothing. */
export const isRefusedInState = (state: string | null, direction: 'original' | 'reply', flags: number): boolean => {
  const column = STATES.indexOf(state ?? '');
  return column >= 0 && (direction === 'original' ? ORIGINAL : REPLY)[rowOf(flags)][column] === 'x';
};
