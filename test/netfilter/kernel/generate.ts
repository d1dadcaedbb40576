/** Random rulesets that the kernel accepts: chains that jump and go to later ones, marks, changes of the header and verdicts. */

/** A small generator with a seed (mulberry32), so that a failing ruleset can be made again. */
export const randomFrom = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

const CONDITIONS: readonly string[] = [
  '',
  '',
  '',
  '-p tcp',
  '-p udp',
  '! -p udp',
  '-p tcp -m tcp --dport 80',
  '-p tcp -m tcp ! --dport 80',
  '-p udp -m udp --dport 53',
  '-p icmp -m icmp --icmp-type 8',
  '-m mark --mark 0x1/0x1',
  '-m mark ! --mark 0x1/0x1',
  '-m mark --mark 0x2/0x2',
  '-m mark --mark 0x0',
  '-m connmark --mark 0x4/0x4',
  '-m connmark ! --mark 0x4/0x4',
  '-m ttl --ttl-gt 60',
  '-m ttl --ttl-eq 10',
  '-m tos --tos 0x10/0xff',
  '-m conntrack --ctstate NEW',
  '-m length --length 0:40',
  '-s 10.77.0.1/32',
  '! -d 10.77.0.2/32',
];

const MANGLE_TARGETS: readonly string[] = [
  'MARK --set-xmark 0x1/0xffffffff',
  'MARK --set-xmark 0x2/0x2',
  'MARK --set-xmark 0x0/0x1',
  'MARK --set-xmark 0x3/0x0',
  'CONNMARK --set-xmark 0x4/0xffffffff',
  'CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff',
  'CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff',
  'TTL --ttl-set 10',
  'TTL --ttl-inc 5',
  'TTL --ttl-dec 1',
  'TOS --set-tos 0x10/0xff',
  'TOS --set-tos 0x2/0x6',
  'DSCP --set-dscp 0x04',
];

const pick = <T>(list: readonly T[], random: (below: number) => number): T => list[random(list.length)] as T;

/** One table: the built-in chains, and user chains that only call those behind them. Nine in ten rules let the packet go on. */
const table = (name: string, builtin: readonly string[], random: (below: number) => number, targets: readonly string[]): string[] => {
  const chains = Array.from({ length: 4 + random(5) }, (_, index) => `C${index}`);
  const lines = [`*${name}`, ...builtin.map((chain) => `:${chain} ACCEPT [0:0]`), ...chains.map((chain) => `:${chain} - [0:0]`)];
  const rules = (chain: string, later: readonly string[]): void => {
    const count = 2 + random(7);
    for (let i = 0; i < count; i++) {
      const condition = pick(CONDITIONS, random);
      const kind = random(20);
      let target = '';
      if (kind < 7 && later.length > 0) target = `${random(4) === 0 ? '-g' : '-j'} ${pick(later, random)}`;
      else if (kind < 10) target = '-j RETURN';
      else if (kind < 15 && targets.length > 0) target = `-j ${pick(targets, random)}`;
      else if (kind === 15) target = '-j ACCEPT';
      else if (kind === 16 && random(3) === 0) target = '-j DROP';
      lines.push(['-A', chain, condition, target].filter((part) => part !== '').join(' '));
    }
  };
  for (const chain of builtin) rules(chain, chains);
  chains.forEach((chain, index) => {
    rules(chain, chains.slice(index + 1));
  });
  return [...lines, 'COMMIT'];
};

export const randomRules = (seed: number): string => {
  const random = randomFrom(seed);
  return [...table('mangle', ['PREROUTING', 'INPUT'], random, MANGLE_TARGETS), ...table('filter', ['INPUT'], random, []), ''].join('\n');
};
