import { describe, expect, it } from 'vitest';
import { describeState, flowState } from '../../src/flow/describe.ts';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { icmpError, playTcp, tcpPacket } from './packets.ts';

const HANDSHAKE = `
  0.000000  a > b  S   seq 100
  0.000200  b > a  S.  seq 500 ack 101
  0.000250  a > b  .   seq 101 ack 501
`;

describe('a TCP handshake', () => {
  it('goes from syn-sent over syn-received to established', () => {
    const phases = [1, 2, 3].map((count) => {
      const { flow } = playTcp(HANDSHAKE.trim().split('\n').slice(0, count).join('\n'));
      return flow.tcp?.phase;
    });
    expect(phases).toEqual(['syn-sent', 'syn-received', 'established']);
  });

  it('is timed as a whole and in its halves', () => {
    const { flow } = playTcp(HANDSHAKE);
    expect(flow.tcp).toMatchObject({ handshakeNs: 250_000, rttToBNs: 200_000, rttToANs: 50_000, resetBy: -1 });
    expect([flow.rttNs, flow.minRttNs]).toEqual([250_000, 250_000]);
    expect(flowState(flow)).toBe('established');
  });

  it('names the sender of the SYN a, and the target of a lone SYN+ACK', () => {
    expect(playTcp('0 b > a S seq 1').flow).toMatchObject({ aPort: 80, bPort: 40_000, a: { a: 0x0a000002 } });
    const lone = playTcp('0 b > a S. seq 1 ack 1');
    expect(lone.flow).toMatchObject({ aPort: 40_000, bPort: 80, a: { a: 0x0a000001 }, packets: [0, 1] });
    expect(lone.directions).toEqual([REPLY]);
    expect(flowState(lone.flow)).toBe('b answered, a has not confirmed');
  });

  it('counts repeated SYNs and says that nobody answers', () => {
    const { flow } = playTcp(`
      0  a > b  S  seq 100
      1  a > b  S  seq 100
      3  a > b  S  seq 100
    `);
    expect(flow.tcp?.retransmissions).toEqual([2, 0]);
    expect(flowState(flow)).toBe('syn sent 3 times, no answer');
    expect(flowState(playTcp('0 a > b S seq 100').flow)).toBe('syn sent, no answer');
  });

  it('does not measure a round trip over a repeated SYN, since it cannot tell which one was answered', () => {
    const { flow } = playTcp(`
      0.0     a > b  S   seq 100
      1.0     a > b  S   seq 100
      1.0002  b > a  S.  seq 500 ack 101
      1.0003  a > b  .   seq 101 ack 501
    `);
    expect(flow.tcp).toMatchObject({ phase: 'established', rttToBNs: null, rttToANs: 100_000, handshakeNs: 300_000 });
  });

  it('takes a new attempt from the same port while nobody answers for the same flow, and no repetition', () => {
    const { flow, ids } = playTcp(`
      0  a > b  S  seq 100
      1  a > b  S  seq 9000
    `);
    expect(ids).toEqual([1, 1]);
    expect(flow.tcp?.retransmissions).toEqual([0, 0]);
  });

  it('is established by the first ACK where b cannot be seen', () => {
    expect(playTcp('0 a > b S seq 100\n 0.5 a > b . seq 101 ack 77').flow.tcp).toMatchObject({
      phase: 'established',
      handshakeNs: 500_000_000,
    });
  });
});

describe('a refusal and a reset', () => {
  it('is refused by b where the SYN is answered by RST, with its round trip', () => {
    const { flow } = playTcp(`
      0.00000  a > b  S   seq 100
      0.00009  b > a  R.  seq 0 ack 101
    `);
    expect(flow.tcp).toMatchObject({ phase: 'reset', resetBy: REPLY, resetIn: 'syn-sent' });
    expect(flow.rttNs).toBe(90_000);
    expect(flowState(flow)).toBe('refused by b');
    expect(describeState(flow, { a: 'web1', b: 'host', nameOf: () => '' })).toBe('refused by host');
  });

  it.each([
    ['a', 'reset by a', ORIGINAL],
    ['b', 'reset by b', REPLY],
  ])('names %s who reset it', (end, words, direction) => {
    const { flow } = playTcp(`${HANDSHAKE}\n 1 ${end} > ${end === 'a' ? 'b' : 'a'} R. seq 101 ack 501`);
    expect(flow.tcp).toMatchObject({ phase: 'reset', resetBy: direction, resetIn: 'established' });
    expect(flowState(flow)).toBe(words);
  });

  it('keeps the first reset, and ignores one after the close', () => {
    expect(playTcp(`${HANDSHAKE}\n 1 a > b R seq 101\n 2 b > a R. seq 501 ack 101`).flow.tcp).toMatchObject({ resetBy: ORIGINAL });
    const closed = `${HANDSHAKE}
      1  a > b  F.  seq 101 ack 501
      1  b > a  F.  seq 501 ack 102
      1  a > b  .   seq 102 ack 502
      2  b > a  R   seq 502`;
    expect(playTcp(closed).flow.tcp).toMatchObject({ phase: 'closed', resetBy: -1 });
  });

  it('says which ICMP error stopped the handshake', () => {
    const syn = tcpPacket('0 a > b S seq 100');
    const { table, flow } = playTcp('0 a > b S seq 100');
    const joined = table.observe(icmpError('0.1', '172.18.0.1', '10.0.0.1', 3, 13, syn));
    expect(joined).toBe(flow);
    expect(flowState(flow)).toBe('communication administratively prohibited from 172.18.0.1');
  });
});

describe('a close', () => {
  it('needs both FINs and their acknowledgements', () => {
    const lines = `${HANDSHAKE}
      1.0  a > b  F.  seq 101 ack 501
      1.1  b > a  .   seq 501 ack 102
      1.2  b > a  F.  seq 501 ack 102
      1.3  a > b  .   seq 102 ack 502`.trim();
    const rows = lines.split('\n').filter((row) => row.trim() !== '');
    const upTo = (count: number) => playTcp(rows.slice(0, count).join('\n')).flow.tcp?.phase;
    expect([4, 5, 6, 7].map(upTo)).toEqual(['closing', 'closing', 'closing', 'closed']);
  });

  it('holds for both ends closing at once', () => {
    const { flow } = playTcp(`${HANDSHAKE}
      1.0  a > b  F.  seq 101 ack 501
      1.0  b > a  F.  seq 501 ack 101
      1.1  a > b  .   seq 102 ack 502
      1.1  b > a  .   seq 502 ack 102`);
    expect(flow.tcp?.phase).toBe('closed');
    expect(flowState(flow)).toBe('closed');
  });

  it('lets late repetitions belong to the closed flow', () => {
    const { ids, flow } = playTcp(`${HANDSHAKE}
      1.0  a > b  F.  seq 101 ack 501
      1.0  b > a  F.  seq 501 ack 102
      1.1  a > b  .   seq 102 ack 502
      1.4  b > a  F.  seq 501 ack 102`);
    expect(new Set(ids).size).toBe(1);
    expect(flow.tcp).toMatchObject({ phase: 'closed', retransmissions: [0, 1] });
  });
});

describe('the same ports again', () => {
  it.each([
    ['a close', '1 a > b F. seq 101 ack 501\n 1 b > a F. seq 501 ack 102\n 1 a > b . seq 102 ack 502', 'S seq 100'],
    ['a reset', '1 b > a R seq 501', 'S seq 100'],
    ['an end that was not seen', '1 a > b . seq 101 ack 501', 'S seq 7000'],
  ])('are a new flow after %s', (_name, before, syn) => {
    const { ids, table, flow } = playTcp(`${HANDSHAKE}\n${before}\n 5 a > b ${syn}`);
    expect(ids.at(-1)).toBe(2);
    expect(flow.tcp?.phase).toBe('syn-sent');
    expect(table.takeEnded().map((ended) => [ended.id, ended.ended])).toEqual([[1, true]]);
    expect(table.size).toBe(1);
  });

  it('are the same flow where the SYN is only a late copy', () => {
    const { ids, flow } = playTcp(`${HANDSHAKE}\n 1 a > b S seq 100`);
    expect(new Set(ids).size).toBe(1);
    expect(flow.tcp).toMatchObject({ phase: 'established', retransmissions: [1, 0] });
  });

  it('are opened from the other side with that side as a', () => {
    const { flow } = playTcp(`${HANDSHAKE}\n 1 a > b R seq 101\n 2 b > a S seq 1`);
    expect(flow).toMatchObject({ id: 2, aPort: 80, bPort: 40_000 });
  });
});

describe('data', () => {
  it('gives a round trip for each half by what is acknowledged', () => {
    const { flow } = playTcp(`${HANDSHAKE}
      1.0000  a > b  P.  seq 101 ack 501 len 10
      1.0003  b > a  .   seq 501 ack 111
      2.0000  b > a  P.  seq 501 ack 111 len 5
      2.0001  a > b  .   seq 111 ack 506`);
    expect(flow.tcp).toMatchObject({ rttToBNs: 300_000, rttToANs: 100_000 });
    expect([flow.rttNs, flow.minRttNs]).toEqual([400_000, 250_000]);
  });

  it('counts repeated data for the end that sent it, and takes no round trip from it', () => {
    const { flow } = playTcp(`${HANDSHAKE}
      1.0  a > b  P.  seq 101 ack 501 len 10
      1.3  a > b  P.  seq 101 ack 501 len 10
      1.4  b > a  .   seq 501 ack 111`);
    expect(flow.tcp).toMatchObject({ retransmissions: [1, 0], outOfOrder: [0, 0], rttToBNs: 200_000 });
  });

  it('tells a segment that was overtaken from one that was sent again', () => {
    const overtaken = playTcp(`${HANDSHAKE}
      1.00000  a > b  P.  seq 111 ack 501 len 10
      1.00001  a > b  P.  seq 101 ack 501 len 10`);
    expect(overtaken.flow.tcp).toMatchObject({ retransmissions: [0, 0], outOfOrder: [1, 0] });
    const lost = playTcp(`${HANDSHAKE}
      1.0  a > b  P.  seq 111 ack 501 len 10
      1.2  a > b  P.  seq 101 ack 501 len 10`);
    expect(lost.flow.tcp).toMatchObject({ retransmissions: [1, 0], outOfOrder: [0, 0] });
  });

  it('does not take keep-alives and plain acknowledgements for repetitions', () => {
    const { flow } = playTcp(`${HANDSHAKE}
      1  a > b  P.  seq 101 ack 501 len 10
      1  b > a  .   seq 501 ack 111
      5  a > b  .   seq 110 ack 501
      6  a > b  .   seq 110 ack 501 len 1
      6  b > a  .   seq 501 ack 111`);
    expect(flow.tcp).toMatchObject({ retransmissions: [0, 0], outOfOrder: [0, 0] });
  });

  it('counts closed windows for the end that closed it, but not in SYN, FIN and RST', () => {
    const { flow } = playTcp(`${HANDSHAKE}
      1  b > a  .   seq 501 ack 101 win 0
      2  b > a  .   seq 501 ack 101 win 0
      3  b > a  .   seq 501 ack 101 win 500
      4  a > b  F.  seq 101 ack 501 win 0
      5  b > a  R   seq 501 win 0`);
    expect(flow.tcp?.zeroWindows).toEqual([0, 2]);
  });

  it('is followed over the end of the sequence space', () => {
    const { flow } = playTcp(`
      0.0000  a > b  S   seq 4294967290
      0.0001  b > a  S.  seq 4294967295 ack 4294967291
      0.0002  a > b  .   seq 4294967291 ack 0
      1.0000  a > b  P.  seq 4294967291 ack 0 len 10
      1.0004  b > a  .   seq 0 ack 5
      2.0000  a > b  P.  seq 4294967291 ack 0 len 10
      3.0000  a > b  F.  seq 5 ack 0
      3.0001  b > a  F.  seq 0 ack 6
      3.0002  a > b  .   seq 6 ack 1`);
    expect(flow.tcp).toMatchObject({ phase: 'closed', rttToBNs: 100_000, retransmissions: [1, 0], outOfOrder: [0, 0] });
  });

  it('joined midway says so and keeps the first sender as a', () => {
    const { flow } = playTcp('0 b > a P. seq 7 ack 9 len 3\n 0.1 a > b . seq 9 ack 10');
    expect(flow).toMatchObject({ aPort: 80, tcp: { phase: 'midstream', handshakeNs: null } });
    expect(flow.rttNs).toBe(100_000_000);
    expect(flowState(flow)).toBe('established, joined midway');
  });
});
