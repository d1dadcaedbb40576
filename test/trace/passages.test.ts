/** Packets whose trace ids repeat: nft_trace_init makes them of the buffer's address, and the next packet may have the same buffer. */
import { expect, it } from 'vitest';
import { indexRules } from '../../src/trace/rule-index.ts';
import { nftEvents, passagesOf } from './recorded.ts';

const index = indexRules(
  JSON.stringify({
    nftables: ['prerouting', 'postrouting'].map((hook) => ({
      chain: { family: 'ip', table: 't', name: hook, handle: 1, hook, prio: 0, type: 'filter', policy: 'accept' },
    })),
  }),
  [],
);

const seen = (chain: string, device: string, dst: string, port: number): string =>
  `trace id 0badcafe ip t ${chain} packet: ${device} ip saddr 172.17.0.2 ip daddr ${dst} ip id 0 ip protocol tcp ip length 60 tcp sport 80 tcp dport ${port}\n`;

it('tells two answers of one server apart that leave by a bridge and come in by it under one id', () => {
  const events = nftEvents(
    [
      seen('prerouting', 'iif "docker0"', '172.17.0.3', 12061),
      seen('postrouting', 'iif "docker0" oif "docker0"', '172.17.0.3', 12061),
      seen('prerouting', 'iif "docker0"', '172.17.0.1', 56644),
    ].join(''),
  );
  const passages = passagesOf(events, index);
  expect(passages.map(({ packet, visits }) => [packet.dstPort, visits.length])).toEqual([
    [12061, 2],
    [56644, 1],
  ]);
});
