/** -m physdev against the kernel: bridged inside one bridge, and routed from a bridge port, with bridge-nf-call-iptables=1. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Skb } from '../../../src/netfilter/skb.ts';
import { describeLab } from '../../lab/root.ts';
import { Battery } from './battery.ts';
import { hostEnv } from './counters.ts';
import { FAR_DEVICE, HOST_DEVICE, type NamespacePair, openPair, run } from './namespaces.ts';

const physdev = (withOut: boolean): readonly string[] => [
  '',
  `-m physdev --physdev-in ${HOST_DEVICE}`,
  `-m physdev ! --physdev-in ${HOST_DEVICE}`,
  '-m physdev --physdev-in vsh+',
  '-m physdev --physdev-in eth0',
  '-m physdev ! --physdev-in eth0',
  '-m physdev --physdev-is-in',
  '-m physdev ! --physdev-is-in',
  '-i vsbr0',
  `-i ${HOST_DEVICE}`,
  ...(withOut
    ? [
        `-m physdev --physdev-out ${FAR_DEVICE} --physdev-is-bridged`,
        `-m physdev ! --physdev-out ${FAR_DEVICE} --physdev-is-bridged`,
        '-m physdev --physdev-is-bridged',
        '-m physdev ! --physdev-is-bridged',
        '-m physdev --physdev-is-in --physdev-is-out',
        '-m physdev --physdev-is-out --physdev-is-bridged',
        '-o vsbr0',
        `-o ${FAR_DEVICE}`,
      ]
    : []),
];

describeLab('counters of the kernel, bridge ports', () => {
  let pair: NamespacePair;
  let battery: Battery;
  beforeAll(async () => {
    if (!existsSync('/proc/sys/net/bridge')) run('modprobe', ['br_netfilter']);
    pair = await openPair('br');
    pair.host('ip', ['link', 'add', 'vsbr0', 'type', 'bridge']);
    pair.host('ip', ['addr', 'flush', 'dev', HOST_DEVICE]);
    for (const port of [HOST_DEVICE, FAR_DEVICE]) pair.host('ip', ['link', 'set', port, 'master', 'vsbr0']);
    // The bridge takes the MAC that the sender knows the host by.
    pair.host('ip', ['link', 'set', 'vsbr0', 'address', '02:42:ac:11:00:01', 'up']);
    pair.host('ip', ['addr', 'add', '10.77.0.2/24', 'dev', 'vsbr0']);
    pair.host('sysctl', ['-qw', 'net.bridge.bridge-nf-call-iptables=1']);
    battery = new Battery(pair, 'ip', [
      { table: 'mangle', chain: 'PREROUTING', rules: physdev(false) },
      { table: 'filter', chain: 'INPUT', rules: physdev(false) },
      { table: 'filter', chain: 'FORWARD', rules: physdev(true) },
    ]);
    // Ports forward as soon as the bridge has seen them come up.
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  afterAll(() => pair?.close());

  it('switched inside the bridge', async () => {
    const plan = { name: 'bridged', src: '10.77.0.1', dst: '10.77.0.9', protocol: 17, sport: 5000, dport: 53, frame: 'beyond' } as const;
    const change = (skb: Skb, chain: string): Skb | null => {
      if (chain === 'INPUT') return null;
      const bridged = { ...skb, inDev: 'vsbr0', physIn: HOST_DEVICE, bridged: true };
      return chain === 'FORWARD' ? { ...bridged, outDev: 'vsbr0', physOut: FAR_DEVICE } : bridged;
    };
    expect(await battery.differences(plan, hostEnv(), change)).toEqual([]);
  });

  it('to the host by the bridge', async () => {
    const plan = { name: 'local', src: '10.77.0.1', dst: '10.77.0.2', protocol: 17, sport: 5001, dport: 53 };
    const change = (skb: Skb, chain: string): Skb | null => (chain === 'FORWARD' ? null : { ...skb, inDev: 'vsbr0', physIn: HOST_DEVICE });
    expect(await battery.differences(plan, hostEnv(), change)).toEqual([]);
  });
});
