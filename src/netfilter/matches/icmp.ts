/** -m icmp: type and code of ICMP. icmp_match in xt_tcpudp.c; IANA icmp-parameters. */
import { IPPROTO_ICMP } from '../protocols.ts';
import { badValue, type MatchModule, NEVER, notKnown, optionMatch } from './condition.ts';
import { parseNumber } from './values.ts';

/** Names that iptables accepts (`iptables -p icmp -h`); it prints numbers. */
const ICMP_NAMES: Readonly<Record<string, string>> = {
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-route-failed': '3/5',
  'network-unknown': '3/6',
  'host-unknown': '3/7',
  'network-prohibited': '3/9',
  'host-prohibited': '3/10',
  'TOS-network-unreachable': '3/11',
  'TOS-host-unreachable': '3/12',
  'communication-prohibited': '3/13',
  'host-precedence-violation': '3/14',
  'precedence-cutoff': '3/15',
  'source-quench': '4',
  redirect: '5',
  'network-redirect': '5/0',
  'host-redirect': '5/1',
  'TOS-network-redirect': '5/2',
  'TOS-host-redirect': '5/3',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'ttl-zero-during-transit': '11/0',
  'ttl-zero-during-reassembly': '11/1',
  'parameter-problem': '12',
  'ip-header-bad': '12/0',
  'required-option-missing': '12/1',
  'timestamp-request': '13',
  'timestamp-reply': '14',
  'address-mask-request': '17',
  'address-mask-reply': '18',
};

const TYPE_UNKNOWN = notKnown('ICMP type');
const CODE_UNKNOWN = notKnown('ICMP code');

/** Shared with icmp6, which differs in the protocol, the option's name and the names of types. */
export const icmpMatch = (
  name: string,
  optionName: string,
  protocol: number,
  names: Readonly<Record<string, string>>,
  anyType: number | null,
): MatchModule =>
  optionMatch(name, {
    [optionName]: (option) => {
      const text = option.values[0] ?? '';
      if (text === 'any' && anyType !== null) return (skb) => (skb.protocol !== protocol || skb.fragmentOffset !== 0 ? NEVER : true);
      const [typeText, codeText] = (Object.hasOwn(names, text) ? (names[text] as string) : text).split('/');
      const type = parseNumber(typeText);
      const code = codeText === undefined ? null : parseNumber(codeText);
      if (type === null || (codeText !== undefined && code === null)) return badValue(option);
      return (skb) => {
        if (skb.protocol !== protocol || skb.fragmentOffset !== 0) return NEVER;
        if (type === anyType) return true;
        if (skb.icmpType === null) return TYPE_UNKNOWN;
        if (skb.icmpType !== type) return false;
        if (code === null) return true;
        return skb.icmpCode === null ? CODE_UNKNOWN : skb.icmpCode === code;
      };
    },
  });

/** Type 255 stands for any. */
export const icmp = icmpMatch('icmp', '--icmp-type', IPPROTO_ICMP, ICMP_NAMES, 255);
