/** ICMP types and codes in words, one table a family: the IANA registries icmp-parameters and icmpv6-parameters. */

const UNREACHABLE_V4 = [
  'network unreachable',
  'host unreachable',
  'protocol unreachable',
  'port unreachable',
  'fragmentation needed',
  'source route failed',
  'destination network unknown',
  'destination host unknown',
  'source host isolated',
  'network administratively prohibited',
  'host administratively prohibited',
  'network unreachable for type of service',
  'host unreachable for type of service',
  'communication administratively prohibited',
  'host precedence violation',
  'precedence cutoff in effect',
] as const;

const UNREACHABLE_V6 = [
  'no route',
  'administratively prohibited',
  'beyond scope of source address',
  'address unreachable',
  'port unreachable',
  'source address failed policy',
  'reject route',
  'error in source routing header',
  'headers too long',
] as const;

const REDIRECT_V4 = [
  'redirect for network',
  'redirect for host',
  'redirect for service and network',
  'redirect for service and host',
] as const;

const PARAMETER_V6 = ['erroneous header field', 'unrecognized next header', 'unrecognized option'] as const;

const TYPES_V4 = new Map<number, string>([
  [0, 'echo reply'],
  [3, 'destination unreachable'],
  [4, 'source quench'],
  [5, 'redirect'],
  [8, 'echo request'],
  [9, 'router advertisement'],
  [10, 'router solicitation'],
  [11, 'time exceeded'],
  [12, 'parameter problem'],
  [13, 'time stamp query'],
  [14, 'time stamp reply'],
  [15, 'information request'],
  [16, 'information reply'],
  [17, 'address mask request'],
  [18, 'address mask reply'],
  [30, 'traceroute'],
  [42, 'extended echo request'],
  [43, 'extended echo reply'],
]);

const TYPES_V6 = new Map<number, string>([
  [1, 'destination unreachable'],
  [2, 'packet too big'],
  [3, 'time exceeded'],
  [4, 'parameter problem'],
  [128, 'echo request'],
  [129, 'echo reply'],
  [130, 'multicast listener query'],
  [131, 'multicast listener report'],
  [132, 'multicast listener done'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [135, 'neighbor solicitation'],
  [136, 'neighbor advertisement'],
  [137, 'redirect'],
  [138, 'router renumbering'],
  [139, 'node information query'],
  [140, 'node information reply'],
  [141, 'inverse neighbor solicitation'],
  [142, 'inverse neighbor advertisement'],
  [143, 'multicast listener report v2'],
  [144, 'home agent address discovery request'],
  [145, 'home agent address discovery reply'],
  [146, 'mobile prefix solicitation'],
  [147, 'mobile prefix advertisement'],
  [151, 'multicast router advertisement'],
  [152, 'multicast router solicitation'],
  [153, 'multicast router termination'],
  [160, 'extended echo request'],
  [161, 'extended echo reply'],
]);

/** What a message says, code included: `port unreachable`, `time exceeded in-transit`, `echo request`, `type 99 code 3`. */
export const icmpTypeName = (version: 4 | 6, type: number, code: number): string => {
  const coded = version === 4 ? codedNameV4(type, code) : codedNameV6(type, code);
  if (coded !== undefined) return coded;
  const name = (version === 4 ? TYPES_V4 : TYPES_V6).get(type);
  if (name === undefined) return `type ${type} code ${code}`;
  return code === 0 ? name : `${name} code ${code}`;
};

const codedNameV4 = (type: number, code: number): string | undefined => {
  switch (type) {
    case 3:
      return UNREACHABLE_V4[code];
    case 5:
      return REDIRECT_V4[code];
    case 11:
      return code === 0 ? 'time exceeded in-transit' : code === 1 ? 'ip reassembly time exceeded' : undefined;
    default:
      return undefined;
  }
};

const codedNameV6 = (type: number, code: number): string | undefined => {
  switch (type) {
    case 1:
      return UNREACHABLE_V6[code];
    case 3:
      return code === 0 ? 'time exceeded in-transit' : code === 1 ? 'time exceeded in reassembly' : undefined;
    case 4:
      return PARAMETER_V6[code];
    default:
      return undefined;
  }
};
