/** The one-line summaries against tcpdump's own, for every recorded packet; where ours differ on purpose, how. */
import { describe, expect, it } from 'vitest';
import { summarisePacket } from '../../src/packet/summary.ts';
import { captureNames, decode, readCapture, readTcpdump } from './fixtures.ts';

/** tcpdump names VXLAN on the older port after another protocol. */
const vxlanWords = (line: string): string =>
  line
    .replace(/OTV, flags \[I\] \(0x08\), overlay 0, instance (\d+)/, 'VXLAN vni $1')
    .replace(/VXLAN, flags \[I\] \(0x08\), vni/, 'VXLAN vni');

/** It writes what VXLAN carries as a line of its own. */
const joinCarried = (lines: readonly string[]): string[] => {
  const joined: string[] = [];
  for (const line of lines.map(vxlanWords)) {
    const carrier = joined.at(-1);
    if (carrier !== undefined && /VXLAN vni \d+$/.test(carrier)) joined[joined.length - 1] = `${carrier}: ${line}`;
    else joined.push(line);
  }
  return joined;
};

/** What tcpdump adds for protocols that are not decoded here, and its own quirks. */
const theirs = (line: string): string =>
  line
    // The direction: of a device in the second form of cooked captures, not at all in the first.
    .replace(/^\S+ +(In|Out) +/, '')
    .replace(/(length \d+): HTTP.*$/, '$1')
    .replace('destination unreachable,  ', 'destination unreachable, ')
    .replace(/(\d+) > (\d+): (?=Flags|UDP)/, '')
    .replace(/AH\(spi=(0x[0-9a-f]+),.*\): /, 'AH(spi=$1) ')
    .replace(/RT6 \(len=\d+, type=(\d+),.*\) /, 'RT (type $1) ')
    .replace(/ESP\(spi.*\), (length \d+)/, 'esp, $1')
    .replace(/STP 802.1d, Config, .*, length 35/, 'STP, length 38')
    .replace(/ \[\|lldp\]$/, '')
    .replace(/ \[init tag.*$/, '')
    .replace(/ \[TSN: 0\].*$/, '')
    .replace('[COOKIE ECHO] , ', '[COOKIE ECHO] ')
    .replace(/igmp v3 report, .*/, 'igmp, length 16')
    .replace(' - octet 20', '')
    .replace(/who-has (\S+) tell 0\.0\.0\.0/, 'Probe $1')
    .replace('Request Probe', 'Probe')
    .replace(/Request who-has (\S+) tell \1/, 'Announcement $1');

/** What ours tell beyond tcpdump's terse form. */
const ours = (line: string): string =>
  line
    .replace(/^(In|Out|M|B|P) /, '')
    .replace(/^vlan [\d.]+, /, '')
    .replace(/: \d+ bytes$/, '')
    .replace(/ q: \S+ \S+/, '')
    .replace(/, first fragment of id \d+$/, '')
    .replace(/: \w+, fragment (\d+)\+\d+ of id \d+$/, ': ip-proto-')
    .replace(/(IP6 \S+)\.\d+ > (\S+)\.\d+: (HBH|frag|AH)/, '$1 > $2: $3')
    .replace(/frag \((\d+\|\d+)\) \w+$/, 'frag ($1)');

describe.each(captureNames)('%s.pcap', (name) => {
  it('is summarised in the words of tcpdump', () => {
    const { linkType, frames } = readCapture(name);
    const expected = joinCarried(readTcpdump(name))
      .map(theirs)
      .map((line) => line.replace(/ip-proto-\d+$/, 'ip-proto-'));
    const lines = frames.map((frame) => ours(summarisePacket(decode(frame, linkType))));
    // A long line is cut, and then what there is of it must be right.
    expect(lines).toEqual(
      expected.map((line, index) => (lines[index]?.endsWith('…') ? `${line.slice(0, lines[index].length - 1)}…` : line)),
    );
  });
});
