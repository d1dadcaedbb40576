import { parseIpsetSave } from '../../../src/netfilter/parse/ipset-save.ts';
import { conformance, env, icmp, skb, udp } from '../support.ts';

const { sets } = parseIpsetSave(`create a hash:ip family inet
add a 10.0.0.1
create nets hash:net family inet
add nets 10.0.0.0/8
add nets 10.0.0.0/30 nomatch
add nets 172.16.0.0/12
create services hash:ip,port family inet
add services 10.0.0.2,tcp:80
add services 10.0.0.2,udp:53-60
add services 10.0.0.2,icmp:echo-request
add services 10.0.0.2,gre:0
create triple hash:ip,port,net family inet
add triple 10.0.0.1,tcp:80,10.0.0.0/24
create pairs hash:net,net family inet
add pairs 10.0.0.0/24,10.0.0.2
create byiface hash:net,iface family inet
add byiface 0.0.0.0/0,eth0
add byiface 10.9.0.0/16,br- wildcard
create ports bitmap:port range 0-1000
add ports 80
create macs hash:mac
add macs 02:42:AC:11:00:02
create ipmac bitmap:ip,mac range 10.0.0.0/24
add ipmac 10.0.0.1
create marks hash:ip,mark family inet
add marks 10.0.0.1,0x00000005
create masked hash:ip family inet netmask 24
add masked 10.0.0.0
create six hash:net family inet6
add six fd00::/64
create all list:set size 8
add all six
add all a
create odd hash:strange family inet
add odd 1
create broken hash:ip family inet
add broken what
`);
const host = env({ ipset: (name) => sets.find((set) => set.name === name) ?? null });
const row = (rule: string, packet: ReturnType<typeof skb>, expected: boolean | 'unknown') => [rule, packet, expected, host] as const;

conformance('set_match_v4 in xt_set.c; ip_set_test in ip_set_core.c; ipset(8)', [
  row('-m set --match-set a src', skb(), true),
  row('-m set --match-set a dst', skb(), false),
  row('-m set ! --match-set a dst', skb(), true),
  row('-m set --match-set nets src', skb({ src: '10.1.2.3' }), true),
  row('-m set --match-set nets src', skb(), false),
  row('-m set --match-set nets src --return-nomatch', skb(), true),
  row('-m set --match-set nets src --return-nomatch', skb({ src: '10.1.2.3' }), false),
  row('-m set --match-set nets src', skb({ src: '192.0.2.1' }), false),
  row('-m set --match-set services dst,dst', skb(), true),
  row('-m set --match-set services dst,src', skb(), false),
  row('-m set --match-set services dst,dst', udp({ dstPort: 55 }), true),
  row('-m set --match-set services dst,dst', icmp(8), true),
  row('-m set --match-set services dst,dst', icmp(0), false),
  row('-m set --match-set services dst,dst', skb({ protocol: 47, srcPort: null, dstPort: null }), true),
  row('-m set --match-set services dst', skb(), false),
  row('-m set ! --match-set services dst', skb(), true),
  row('-m set --match-set services dst,dst', skb({ dstPort: null }), 'unknown'),
  row('-m set --match-set triple src,dst,dst', skb(), true),
  row('-m set --match-set pairs src,dst', skb(), true),
  row('-m set --match-set pairs dst,src', skb(), false),
  row('-m set --match-set byiface src,src', skb(), true),
  row('-m set --match-set byiface src,dst', skb(), false),
  row('-m set --match-set byiface src,src', skb({ src: '10.9.0.1', inDev: 'br-0a' }), true),
  row('-m set --match-set ports dst', skb(), true),
  row('-m set --match-set ports dst', icmp(8), false),
  row('-m set --match-set macs src', skb(), true),
  row('-m set --match-set macs src', skb({ hasMac: false }), false),
  row('-m set --match-set ipmac src,src', skb(), true),
  row('-m set --match-set marks src,src', skb({ mark: 5 }), true),
  row('-m set --match-set marks src,src', skb(), false),
  row('-m set --match-set masked src', skb({ src: '10.0.0.77' }), true),
  row('-m set --match-set six src', skb({ family: 6 }), true),
  row('-m set --match-set six src', skb(), false),
  row('-m set --match-set all src', skb(), true),
  row('-m set --match-set all src', skb({ src: '192.0.2.1' }), false),
  row('-m set --match-set absent src', skb(), 'unknown'),
  row('-m set --match-set odd src', skb(), 'unknown'),
  row('-m set --match-set broken src', skb(), 'unknown'),
  row('-m set --match-set a src ! --update-counters --packets-gt 5', skb(), 'unknown'),
  row('-m set --match-set a sideways', skb(), 'unknown'),
]);
