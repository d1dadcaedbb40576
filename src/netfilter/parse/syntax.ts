/**
 * What a parser must know of the options by name: their long forms, which take a fixed number of words, and which belong to the
 * protocol's own match when no `-m` was written. iptables(8), iptables-extensions(8).
 */

/** Generic options under every name iptables takes for them. */
export const GENERIC_OPTIONS: Readonly<Record<string, string>> = {
  '-s': '-s',
  '--src': '-s',
  '--source': '-s',
  '-d': '-d',
  '--dst': '-d',
  '--destination': '-d',
  '-i': '-i',
  '--in-interface': '-i',
  '-o': '-o',
  '--out-interface': '-o',
  '-p': '-p',
  '--proto': '-p',
  '--protocol': '-p',
  '-f': '-f',
  '--fragment': '-f',
};

/** Other spellings of an option; iptables-save prints the second. */
export const OPTION_ALIASES: Readonly<Record<string, string>> = {
  '--source-port': '--sport',
  '--destination-port': '--dport',
  '--source-ports': '--sports',
  '--destination-ports': '--dports',
  '--port': '--ports',
  '--to-port': '--to-ports',
};

/**
 * Options that take exactly so many words, whatever these look like: a comment may be `-j` (xtables_save_string leaves letters,
 * digits, `-` and `_` without quotes).
 */
export const FIXED_WORDS: Readonly<Record<string, number>> = {
  '--comment': 1,
  '--log-prefix': 1,
  '--nflog-prefix': 1,
  '--ulog-prefix': 1,
  '--string': 1,
  '--hex-string': 1,
  '--helper': 1,
  '--name': 1,
  '--hashlimit-name': 1,
  '--path': 1,
  '--nfacct-name': 1,
  '--label': 1,
  '--match-set': 2,
  '--add-set': 2,
  '--del-set': 2,
  '--map-set': 2,
  '--tcp-flags': 2,
  '--chunk-types': 2,
};

/** Options of a protocol's own match, found also behind another `-m`: `-p tcp -m comment --comment x --dport 80`. */
export const PROTOCOL_OPTIONS: readonly string[] = [
  '--sport',
  '--dport',
  '--syn',
  '--tcp-flags',
  '--tcp-option',
  '--icmp-type',
  '--icmpv6-type',
];

/** The match that iptables loads for `-p NAME` when one of its options is used. */
export const PROTOCOL_MATCHES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  50: 'esp',
  51: 'ah',
  58: 'icmp6',
  132: 'sctp',
  135: 'mh',
  136: 'udp',
};

export const PROTOCOL_MATCH_NAMES: readonly string[] = Object.values(PROTOCOL_MATCHES);
