/**
 * A capture of real traffic between two Linux kernels (7 % of the TCP packets dropped behind the capture point; resets, a
 * refused port, a full receive buffer, fragments, questions that nobody answers), as this program and tshark understand it.
 */
import { describe, expect, it } from 'vitest';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { has, lines, output } from '../pcap/programs.ts';
import { fixture, flowLine, replay } from './capture.ts';

const PATH = fixture('mixed.pcap');

describe('real traffic', () => {
  it('gives these flows', () => {
    expect(replay(PATH).flows.map(flowLine)).toEqual([
      ':: → fe80::60b1:d4ff:fe83:a748 ndp 1+0 checks that nobody has the address',
      ':: → fe80::24ea:28ff:febf:2e44 ndp 1+0 checks that nobody has the address',
      ':: → ff02::16 icmp6 2+0 multicast listener report v2',
      'fe80::60b1:d4ff:fe83:a748 → ff02::16 icmp6 2+0 multicast listener report v2',
      'fe80::60b1:d4ff:fe83:a748 → ff02::2 icmp6 2+0 router solicitation',
      '10.77.0.1 → 10.77.0.2 arp 1+1 answered by 26:ea:28:bf:2e:44',
      '10.77.0.1:44934 → 10.77.0.2:8001 tcp 24+50 closed',
      '10.77.0.1:45001 → 10.77.0.2:8001 tcp 24+49 closed',
      '10.77.0.1:45002 → 10.77.0.2:8002 tcp 3+3 reset by b',
      'fe80::24ea:28ff:febf:2e44 → ff02::16 icmp6 2+0 multicast listener report v2',
      'fe80::24ea:28ff:febf:2e44 → ff02::2 icmp6 2+0 router solicitation',
      '10.77.0.1:45002 → 10.77.0.2:8002 tcp 3+3 reset by b',
      '10.77.0.1:49368 → 10.77.0.2:9999 tcp 1+1 refused by b',
      'fd77::1 → fd77::2 ndp 1+1 answered by 26:ea:28:bf:2e:44',
      'fd77::1:41188 → fd77::2:8006 tcp 27+52 closed',
      '10.77.0.1:59526 → 10.77.0.2:8003 tcp 32+21 closed',
      '10.77.0.1:60297 → 10.77.0.2:5300 udp 5+5 5 sent 5 back',
      '10.77.0.1:44401 → 10.77.0.2:5301 udp 1+1 1 sent 0 back, port unreachable from 10.77.0.2',
      '10.77.0.1 → 10.77.0.2 icmp echo 5+5 5/5',
      '10.77.0.1 → 10.77.0.2 icmp echo 6+6 2/2',
      'fd77::1 → fd77::2 icmp6 echo 2+2 2/2',
      '10.77.0.1 → 10.77.0.9 arp 2+0 no answer to 2 questions',
    ]);
  });

  it('counts every frame once', () => {
    const { flows, flowOfFrame } = replay(PATH);
    expect(flows.reduce((sum, flow) => sum + flow.packets[ORIGINAL] + flow.packets[REPLY], 0)).toBe(flowOfFrame.length);
  });
});

describe.skipIf(!has('tshark') && process.env['CI'] === undefined)('tshark', () => {
  const rows = (filter: string, ...names: readonly string[]): string[][] =>
    output(
      'tshark',
      '-r',
      PATH,
      '-o',
      'tcp.relative_sequence_numbers:FALSE',
      '-Y',
      filter,
      '-T',
      'fields',
      ...names.flatMap((name) => ['-e', name]),
    )
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));

  const { flows, flowOfFrame } = replay(PATH);
  const tcpFlows = flows.filter((flow) => flow.kind === 'tcp');

  it('sees the same TCP conversations with the same packets and bytes in both directions', () => {
    const streams = new Map<string, { frames: number[]; ports: string; packets: [number, number]; bytes: [number, number] }>();
    for (const [number, stream, srcPort, dstPort, length] of rows(
      'tcp && !icmp',
      'frame.number',
      'tcp.stream',
      'tcp.srcport',
      'tcp.dstport',
      'frame.len',
    )) {
      const found = streams.get(stream ?? '') ?? { frames: [], ports: `${srcPort} ${dstPort}`, packets: [0, 0], bytes: [0, 0] };
      streams.set(stream ?? '', found);
      const direction = found.ports === `${srcPort} ${dstPort}` ? ORIGINAL : REPLY;
      found.frames.push(Number(number));
      found.packets[direction]++;
      found.bytes[direction] += Number(length);
    }
    expect(
      tcpFlows.map((flow) => ({
        frames: flowOfFrame.flatMap((of, index) => (of === flow ? [index + 1] : [])),
        ports: `${flow.aPort} ${flow.bPort}`,
        packets: flow.packets,
        bytes: flow.bytes,
      })),
    ).toEqual([...streams.values()]);
  });

  it('lists as many conversations of TCP and UDP', () => {
    const conversations = (kind: string): string[] =>
      lines(output('tshark', '-r', PATH, '-q', '-z', `conv,${kind}`)).filter((line) => line.includes('<->'));
    const tcp = conversations('tcp');
    expect(tcp).toHaveLength(tcpFlows.length);
    for (const flow of tcpFlows) expect(tcp.some((line) => line.includes(`:${flow.aPort} `))).toBe(true);
    expect(conversations('udp')).toHaveLength(flows.filter((flow) => flow.kind === 'udp').length);
  });

  it('counts the same repeated or reordered segments, closed windows and handshake times', () => {
    // Which of the two a segment is called is a matter of thresholds; that it is out of turn is not.
    const counts = new Map<string, [number, number, string]>();
    for (const [stream, again, outOfOrder, zero, handshake] of rows(
      'tcp && !icmp',
      'tcp.stream',
      'tcp.analysis.retransmission',
      'tcp.analysis.out_of_order',
      'tcp.analysis.zero_window',
      'tcp.analysis.initial_rtt',
    )) {
      const count = counts.get(stream ?? '') ?? [0, 0, ''];
      counts.set(stream ?? '', count);
      if (again !== '' || outOfOrder !== '') count[0]++;
      if (zero !== '') count[1]++;
      if (handshake !== undefined && handshake !== '') count[2] = handshake;
    }
    const sum = (both: readonly [number, number] = [0, 0]): number => both[ORIGINAL] + both[REPLY];
    const seconds = (ns: number | null): string => (ns === null ? '' : `0.${String(ns).padStart(9, '0')}`);
    expect(
      tcpFlows.map(({ tcp, rttNs }) => [
        sum(tcp?.retransmissions) + sum(tcp?.outOfOrder),
        sum(tcp?.zeroWindows),
        // tshark takes a refusal for a handshake too.
        seconds(tcp?.handshakeNs ?? rttNs),
      ]),
    ).toEqual([...counts.values()]);
  });

  it('finds the same answers to echo requests and the same round trips', () => {
    const answered = rows('icmp.resptime || icmpv6.resptime', 'icmp.resptime', 'icmpv6.resptime');
    expect(answered).toHaveLength(flows.reduce((sum, flow) => sum + (flow.echo?.answered ?? 0), 0));
    const milliseconds = answered.map(([v4, v6]) => Math.round(Number(v4 || v6) * 1000));
    for (const flow of flows) {
      if (flow.echo !== null) expect(milliseconds).toContain(Math.round((flow.rttNs ?? 0) / 1000));
    }
  });
});
