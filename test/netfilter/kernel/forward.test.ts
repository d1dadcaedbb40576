/** FORWARD, OUTPUT and POSTROUTING against the kernel: which devices a packet has there, and what its sender's socket says. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Skb } from '../../../src/netfilter/skb.ts';
import { describeLab } from '../../lab/root.ts';
import { udp } from '../support.ts';
import { Battery } from './battery.ts';
import { hostEnv } from './counters.ts';
import { FAR_DEVICE, HOST_DEVICE, type NamespacePair, openPair } from './namespaces.ts';

const COMMON: readonly string[] = [
  '',
  `-o ${FAR_DEVICE}`,
  `! -o ${FAR_DEVICE}`,
  '-o vs+',
  '! -o docker0',
  '-m addrtype --dst-type LOCAL',
  '-m addrtype --src-type LOCAL',
  '-m addrtype --src-type LOCAL --limit-iface-out',
  '-m ttl --ttl-eq 64',
  '-m ttl --ttl-eq 63',
  '-m conntrack --ctstate NEW',
  '-m policy --dir out --pol none',
  '-m policy --dir out --pol ipsec',
  '-m physdev ! --physdev-is-out',
];

const FORWARD_RULES: readonly string[] = [
  ...COMMON,
  `-i ${HOST_DEVICE} -o ${FAR_DEVICE}`,
  `-i ${HOST_DEVICE} ! -o ${HOST_DEVICE}`,
  `! -i ${HOST_DEVICE} -o ${FAR_DEVICE}`,
  '-m mac --mac-source 02:42:ac:11:00:02',
  '-m addrtype --src-type LOCAL --limit-iface-in',
];

const LOCAL_RULES: readonly string[] = [...COMMON, '-m owner --uid-owner 0', '-m owner ! --uid-owner 7', '-m owner --socket-exists'];

const SEND_UDP = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.78.0.1', int(sys.argv[1])))
s.sendto(b'hello', ('10.78.0.9', 53))
`;

/** A user chain takes -i everywhere: in OUTPUT there is no such device, and the name compares as ''. */
const USER_RULES: readonly string[] = ['-i docker0', '! -i docker0', `! -i ${HOST_DEVICE}`, '-i vs+', '! -i vs+'];

describeLab('counters of the kernel, devices by hook', () => {
  let pair: NamespacePair;
  let battery: Battery;
  beforeAll(async () => {
    pair = await openPair('fw');
    battery = new Battery(
      pair,
      'ip',
      [
        { table: 'filter', chain: 'FORWARD', rules: FORWARD_RULES },
        { table: 'filter', chain: 'OUTPUT', rules: LOCAL_RULES },
        { table: 'mangle', chain: 'POSTROUTING', rules: LOCAL_RULES },
        { table: 'raw', chain: 'OUTPUT', rules: [...USER_RULES.map((_rule, index) => `-j U${index}`), '-m conntrack --ctstate INVALID'] },
      ],
      USER_RULES.map((rule, index) => ({ table: 'raw', chain: `U${index}`, rules: [rule] })),
    );
  });
  afterAll(() => pair?.close());

  it('a forwarded packet', async () => {
    const plan = { name: 'forwarded', src: '10.77.0.1', dst: '10.78.0.9', protocol: 17, sport: 5000, dport: 53 };
    // ip_forward counts the TTL down before it asks the FORWARD chains.
    const change = (skb: Skb, chain: string): Skb | null =>
      chain === 'OUTPUT' ? null : { ...skb, outDev: FAR_DEVICE, ttl: 63, hasMac: chain === 'FORWARD' };
    expect(await battery.differences(plan, hostEnv(), change)).toEqual([]);
  });

  it('a packet of the host itself', async () => {
    const packet = udp({
      src: '10.78.0.1',
      dst: '10.78.0.9',
      srcPort: 5001,
      dstPort: 53,
      inDev: null,
      outDev: FAR_DEVICE,
      hasMac: false,
      srcMac: null,
      packetType: null,
      local: true,
      length: 33,
    });
    const send = (): void => {
      pair.host('python3', ['-c', SEND_UDP, '5001']);
    };
    expect(await battery.differencesOf(send, (chain) => (chain === 'FORWARD' ? null : packet), hostEnv())).toEqual([]);
  });
});
