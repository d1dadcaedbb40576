/** tcp_conntracks in nf_conntrack_proto_tcp.c: the rows that decide most. */
import { expect, it } from 'vitest';
import { isRefusedInState } from '../../src/netfilter/tcp-tracking.ts';

const SYN = 2;
const RST = 4;
const ACK = 16;
const FIN = 1;

it.each([
  // An ACK before the server has answered belongs to no handshake.
  ['SYN_SENT', 'original', ACK, true],
  ['SYN_SENT', 'original', SYN, false],
  ['SYN_SENT', 'reply', SYN | ACK, false],
  ['SYN_SENT', 'reply', ACK, false],
  ['SYN_SENT', 'reply', RST | ACK, false],
  ['SYN_RECV', 'original', ACK, false],
  ['ESTABLISHED', 'reply', SYN, true],
  ['ESTABLISHED', 'original', SYN, false],
  ['ESTABLISHED', 'original', SYN | ACK, true],
  ['ESTABLISHED', 'reply', FIN | ACK, false],
  ['CLOSE', 'original', ACK, false],
  ['ESTABLISHED', 'original', 0, true],
  ['a state of a later kernel', 'original', 0, false],
  [null, 'original', ACK, false],
] as const)('%s, %s direction, flags %i: refused %s', (state, direction, flags, refused) => {
  expect(isRefusedInState(state, direction, flags)).toBe(refused);
});
