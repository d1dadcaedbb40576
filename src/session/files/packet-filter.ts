/**
 * pcap-filter expressions on packets that are in a file already: compiled by an installed tcpdump (`-ddd`) for each link type,
 * run by the same classic-BPF machine that `-m bpf` needs. pcap-filter(7), tcpdump(8).
 */
import { execFile } from 'node:child_process';
import { messageOf, missingError, usageError } from '../../base/errors.ts';
import { type Instruction, runBpf } from '../../netfilter/matches/bpf-machine.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from '../../packet/packet.ts';
import type { RawPacket } from '../../pcap/reader.ts';

export interface PacketFilter {
  accepts(raw: RawPacket): boolean;
}

/** DLT_ names as tcpdump -y takes them. */
const DLT_NAMES: ReadonlyMap<number, string> = new Map([
  [LINKTYPE_NULL, 'NULL'],
  [LINKTYPE_ETHERNET, 'EN10MB'],
  [LINKTYPE_RAW, 'RAW'],
  [LINKTYPE_LINUX_SLL, 'LINUX_SLL'],
  [LINKTYPE_IPV4, 'IPV4'],
  [LINKTYPE_IPV6, 'IPV6'],
  [LINKTYPE_LINUX_SLL2, 'LINUX_SLL2'],
]);

/** Null for an empty filter. Throws a usage error for a bad one, a missing-program error where there is no tcpdump. */
export const compilePacketFilter = async (filter: string): Promise<PacketFilter | null> => {
  if (filter.trim() === '') return null;
  const programs = new Map<number, readonly Instruction[]>();
  // Ethernet decides whether the expression is good; it may be meaningless for another link type, which then matches nothing.
  programs.set(LINKTYPE_ETHERNET, await compile(filter, 'EN10MB'));
  for (const [linkType, name] of DLT_NAMES) {
    if (linkType === LINKTYPE_ETHERNET) continue;
    try {
      programs.set(linkType, await compile(filter, name));
    } catch {
      // `vlan 5` or `ether host …` cannot be asked of a link without such a header.
      programs.set(linkType, []);
    }
  }
  return {
    accepts: (raw) => {
      const program = programs.get(raw.linkType);
      if (program === undefined || program.length === 0) return false;
      const bytes = raw.bytes.subarray(raw.start, raw.end);
      return runBpf(program, { bytes, length: raw.originalLength, family: 4, mark: 0, protocol: 0 }) > 0;
    },
  };
};

const compile = (filter: string, linkName: string): Promise<readonly Instruction[]> =>
  new Promise((resolve, reject) => {
    execFile('tcpdump', ['-y', linkName, '-ddd', '--', filter], { env: { ...process.env, LC_ALL: 'C' } }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(parseProgram(stdout));
        return;
      }
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        reject(
          missingError('a filter on a saved file needs tcpdump to compile it', {
            hint: 'apt-get install tcpdump, or read without a filter',
          }),
        );
        return;
      }
      const said = stderr.trim().split('\n').at(-1) ?? messageOf(error);
      reject(
        usageError(`bad filter: ${filter}`, {
          detail: said.replace(/^tcpdump: /, ''),
          hint: 'the syntax is that of pcap-filter(7): icmp, tcp port 80, host 10.0.0.1 and not arp',
        }),
      );
    });
  });

/** The first line is the number of instructions, then one `code jt jf k` a line. */
const parseProgram = (text: string): readonly Instruction[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [op = 0, jt = 0, jf = 0, k = 0] = line.trim().split(/\s+/).map(Number);
      return { op, jt, jf, k };
    });
