/**
 * Two namespaces for watching what packets really do: the host, read by the program itself, with devices d0, d1 and so on; and at the other
 * ends of their cables e0, e1 and so on, a namespace without addresses where frames are put on the wires and what comes out is seen.
 */
import { execFileSync } from 'node:child_process';
import { formatMac, parseIp, parseMac } from '../../../src/base/ip-address.ts';
import { craft, type PacketPlan } from '../../netfilter/kernel/craft.ts';
import { type KernelHost, openHost, openNamespace } from './host.ts';

export interface Frame {
  readonly dev: string;
  readonly bytes: Buffer;
}

export interface WiredHost extends KernelHost {
  /** The namespace with the other ends. */
  readonly wires: { sh(command: string): string };
  /** Sends each batch after what the one before it caused has come to rest; says what came out of the host after each. */
  send(batches: readonly (readonly Frame[])[]): Frame[][];
}

/** `02:00:00:00:00:d1` is d1's, `…:e1` that of its cable's other end. */
export const hostMac = (at: number): string => `02:00:00:00:00:d${at}`;
export const wireMac = (at: number): string => `02:00:00:00:00:e${at}`;

export const openWired = (label: string, devices: number): WiredHost => {
  const host = openHost(label, 0);
  const wires = openNamespace(`${label}w`);
  const close = (): void => {
    host.close();
    wires.close();
  };
  const names = Array.from({ length: devices }, (_, at) => `e${at}`);
  try {
    wires.sh('sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1');
    host.sh(
      names
        .map(
          (dev, at) =>
            `ip link add d${at} address ${hostMac(at)} type veth peer name ${dev} address ${wireMac(at)} netns ${wires.netns}; ip link set d${at} up`,
        )
        .join('\n'),
    );
    wires.sh(names.map((dev) => `ip link set ${dev} arp off up`).join('\n'));
  } catch (error) {
    close();
    throw error;
  }
  const send = (batches: readonly (readonly Frame[])[]): Frame[][] => {
    const input = JSON.stringify(batches.map((batch) => batch.map(({ dev, bytes }) => [dev, bytes.toString('hex')])));
    const output = execFileSync('ip', ['netns', 'exec', wires.netns, 'python3', 'test/path/kernel/wire.py', ...names], {
      encoding: 'utf8',
      input,
      maxBuffer: 256 * 1024 * 1024,
    });
    return (JSON.parse(output) as [string, string][][]).map((found) =>
      found.map(([dev, hex]) => ({ dev, bytes: Buffer.from(hex, 'hex') })),
    );
  };
  return { ...host, wires, send, close };
};

const macBytes = (text: string): number[] => text.split(':').map((byte) => Number.parseInt(byte, 16));

const sum16 = (bytes: Uint8Array): number => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};

export interface Sent extends PacketPlan {
  /** By which it is known again: the identification of IPv4, the flow label of IPv6. */
  readonly id: number;
  readonly dontFragment?: boolean;
}

/** What is sent from the wire `dev` to a device of the host; `dstMac` where it is not for that. */
export const frameOf = (dev: string, plan: Omit<Sent, 'name'>, dstMac?: string, srcMac?: string): Frame => {
  const at = Number(dev.slice(1));
  const ip = Buffer.from(craft({ name: '', ...plan }));
  if (ip[0] === 0x45) {
    ip.writeUInt16BE(plan.id, 4);
    if (plan.dontFragment === true) ip.writeUInt8(ip.readUInt8(6) | 0x40, 6);
    ip.writeUInt16BE(0, 10);
    ip.writeUInt16BE(sum16(ip.subarray(0, 20)), 10);
  } else ip.writeUInt16BE(plan.id, 2);
  const type = ip[0] === 0x45 ? 0x0800 : 0x86dd;
  return {
    dev,
    bytes: Buffer.concat([
      Buffer.from([...macBytes(dstMac ?? hostMac(at)), ...macBytes(srcMac ?? wireMac(at)), type >> 8, type & 0xff]),
      ip,
    ]),
  };
};

export interface Seen {
  readonly dev: string;
  readonly id: number;
  readonly src: string;
  readonly sport: number;
  readonly dport: number;
  readonly ttl: number;
  readonly dstMac: string;
  /** `TYPE/CODE` and the MTU that it tells, of an ICMP error about a packet with that id. */
  readonly error: { readonly kind: string; readonly mtu: number; readonly about: number } | null;
}

const v6Text = (bytes: Buffer): string =>
  Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
    .join(':')
    .replace(/(^|:)0(:0)+(:|$)/, '::');

/** IP packets that came out; ARP, neighbour discovery and the like are left out. */
export const seenIn = (frames: readonly Frame[]): Seen[] =>
  frames.flatMap(({ dev, bytes }) => {
    const type = bytes.readUInt16BE(12);
    const ip = bytes.subarray(14);
    const dstMac = formatMac(parseMac([...bytes.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')) ?? 0);
    if (type === 0x0800) {
      const body = ip.subarray(20);
      const isError = ip[9] === 1 && [3, 11].includes(body[0] ?? 0);
      return [
        {
          dev,
          dstMac,
          id: ip.readUInt16BE(4),
          src: [...ip.subarray(12, 16)].join('.'),
          ttl: ip[8] ?? 0,
          sport: body.readUInt16BE(0),
          dport: body.readUInt16BE(2),
          error: isError ? { kind: `${body[0]}/${body[1]}`, mtu: body.readUInt16BE(6), about: body.readUInt16BE(12) } : null,
        },
      ];
    }
    if (type !== 0x86dd) return [];
    const body = ip.subarray(40);
    const kind = body[0] ?? 0;
    if (ip[6] === 58 && kind >= 130) return [];
    const isError = ip[6] === 58 && kind < 128;
    return [
      {
        dev,
        dstMac,
        id: ip.readUInt16BE(2),
        src: v6Text(ip.subarray(8, 24)),
        ttl: ip[7] ?? 0,
        sport: body.readUInt16BE(0),
        dport: body.readUInt16BE(2),
        error: isError ? { kind: `${kind}/${body[1]}`, mtu: body.readUInt32BE(4), about: body.readUInt16BE(10) } : null,
      },
    ];
  });

/** Asks on a wire who has the address. */
export const arpQuestion = (dev: string, sender: string, target: string): Frame => {
  const ip = (text: string): number[] => text.split('.').map(Number);
  const mac = macBytes(wireMac(Number(dev.slice(1))));
  return {
    dev,
    bytes: Buffer.from([
      ...[255, 255, 255, 255, 255, 255, ...mac, 8, 6],
      ...[0, 1, 8, 0, 6, 4, 0, 1, ...mac, ...ip(sender), 0, 0, 0, 0, 0, 0, ...ip(target)],
    ]),
  };
};

/** The senders of ARP answers, by the device where they came out: `e0 10.0.0.1`. */
export const arpAnswers = (frames: readonly Frame[]): string[] =>
  frames.flatMap(({ dev, bytes }) =>
    bytes.readUInt16BE(12) === 0x0806 && bytes.readUInt16BE(20) === 2 ? [`${dev} ${[...bytes.subarray(28, 32)].join('.')}`] : [],
  );

const v6Bytes = (text: string): number[] => {
  const ip = parseIp(text);
  return ip === null ? [] : [ip.a, ip.b, ip.c, ip.d].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
};

/** The same by neighbour solicitation (RFC 4861 section 4.3), to the target's solicited-node group. */
export const ndpQuestion = (dev: string, sender: string, target: string): Frame => {
  const mac = macBytes(wireMac(Number(dev.slice(1))));
  const [src, aim] = [v6Bytes(sender), v6Bytes(target)];
  const group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...aim.slice(13)];
  const body = Buffer.from([135, 0, 0, 0, 0, 0, 0, 0, ...aim, 1, 1, ...mac]);
  body.writeUInt16BE(sum16(Buffer.from([...src, ...group, 0, 0, 0, body.length, 0, 0, 0, 58, ...body])), 2);
  return {
    dev,
    bytes: Buffer.from([
      ...[0x33, 0x33, 0xff, ...aim.slice(13), ...mac, 0x86, 0xdd],
      ...[0x60, 0, 0, 0, 0, body.length, 58, 255, ...src, ...group, ...body],
    ]),
  };
};

/** The targets of neighbour advertisements. */
export const ndpAnswers = (frames: readonly Frame[]): string[] =>
  frames.flatMap(({ dev, bytes }) =>
    bytes.readUInt16BE(12) === 0x86dd && bytes[20] === 58 && bytes[54] === 136 ? [`${dev} ${v6Text(bytes.subarray(62, 78))}`] : [],
  );
