/** Sends one packet for a trace, on request only: out of a container's namespace with the host's own programs, or from the host itself. */
import { failure, missingError } from '../base/errors.ts';
import { localMachine } from './machine/local.ts';
import type { NetnsHandle } from './machine/machine.ts';
import { openNamed } from './namespaces.ts';
import { findProgram, run } from './programs.ts';
import type { SendPacket } from './protocol.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;

/** Node's own sockets: a connection that is tried, or one datagram. Whether somebody answers is not asked. */
const TCP = `const [, src, dst, port] = process.argv;
const socket = require('net').connect({ host: dst, port: Number(port), localAddress: src });
const end = () => process.exit(0);
socket.on('connect', () => socket.end());
socket.on('close', end);
socket.on('error', (error) => { if (error.syscall === 'bind') { console.error(error.message); process.exit(1); } end(); });
setTimeout(end, 1000);`;

const UDP = `const [, src, dst, port] = process.argv;
const socket = require('dgram').createSocket(dst.includes(':') ? 'udp6' : 'udp4');
socket.on('error', (error) => { console.error(error.message); process.exit(1); });
socket.bind(0, src, () => socket.send('vethscope', Number(port), dst, () => setTimeout(() => process.exit(0), 200)));`;

/** Resolves with what sent it, in words. */
export const sendPacket = async (packet: SendPacket): Promise<string> => {
  const command = commandFor(packet);
  const way = await wayTo(packet);
  const [program, ...args] = [...(way?.enter ?? []), ...command];
  const result = await run(program as string, args, { timeoutMs: 5000 }).finally(() => way?.close());
  // ping fails where nobody answers: the packet was sent all the same.
  if (!result.ok && !(isEcho(packet.protocol) && /exit 1\b/.test(result.reason))) {
    throw failure('the packet could not be sent', { detail: result.reason });
  }
  return isEcho(packet.protocol) ? 'ping' : packet.protocol === IPPROTO_TCP ? 'a connection that was tried' : 'a datagram';
};

/** Null for the host itself. */
const wayTo = async ({ from }: SendPacket): Promise<NetnsHandle | null> => {
  if (from === null) return null;
  const handle = await openNamed(localMachine(), from);
  if (handle === null) throw failure('the namespace of the sender is gone', { hint: 'was its container restarted? Ask again' });
  return handle;
};

const isEcho = (protocol: number): boolean => protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;

const commandFor = ({ protocol, src, dst, dport, family }: SendPacket): readonly string[] => {
  if (isEcho(protocol)) return [...echoProgram(family), '-c', '1', '-W', '1', '-I', src, dst];
  if (dport === null) throw failure('a port is needed to send to', { hint: 'for example tcp:80' });
  if (protocol === IPPROTO_TCP) return [process.execPath, '-e', TCP, src, dst, String(dport)];
  if (protocol === IPPROTO_UDP) return [process.execPath, '-e', UDP, src, dst, String(dport)];
  throw failure(`packets of protocol ${protocol} cannot be sent`, { hint: 'send one yourself and leave out --send' });
};

const echoProgram = (family: 4 | 6): readonly string[] => {
  const ping = findProgram('ping');
  if (ping !== null) return [ping, family === 4 ? '-4' : '-6'];
  const busybox = findProgram('busybox');
  if (busybox !== null) return [busybox, family === 4 ? 'ping' : 'ping6'];
  throw missingError('no ping is installed to send an echo request with', {
    hint: 'apt-get install iputils-ping, or send one yourself without --send',
  });
};
