/** Rules without a target, each match at least once, and the sets they ask. */

/** Both families; `A` stands for the sender, `B` for the receiver. */
const common = (a: string, b: string, full: number): readonly string[] => [
  `-s ${a}/${full}`,
  `! -s ${a}/${full}`,
  `-d ${b}/${full}`,
  `! -d ${b}/${full}`,
  '-i vshost0',
  '! -i vshost0',
  '-i vsh+',
  '! -i vsh+',
  '-i lo',
  '! -i lo',
  '-p tcp',
  '! -p tcp',
  '-p 99',
  '-p tcp -m tcp --dport 80',
  '-p tcp -m tcp ! --dport 80',
  '-p tcp -m tcp --sport 1024:65535 --dport 0:1023',
  '-p tcp -m tcp ! --sport 40000:40010',
  '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN',
  '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN',
  '-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE',
  '-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG',
  '-p tcp -m tcp --tcp-flags SYN,RST SYN,RST',
  '-p tcp -m tcp --tcp-option 2',
  '-p tcp -m tcp ! --tcp-option 2',
  '-p tcp -m tcp --tcp-option 8',
  '-p udp -m udp --dport 53',
  '-p udp -m udp ! --sport 53 --dport 5000:6000',
  '-p sctp -m sctp --dport 80',
  '-p sctp -m sctp ! --dport 80',
  '-p sctp -m sctp --chunk-types any INIT',
  '-p sctp -m sctp --chunk-types all INIT,DATA',
  '-p sctp -m sctp --chunk-types only INIT',
  '-p dccp -m dccp --dport 80',
  '-p dccp -m dccp ! --dport 80',
  '-p dccp -m dccp --dccp-types REQUEST',
  '-p tcp -m multiport --dports 80,443,8000:8010',
  '-p tcp -m multiport ! --dports 80,443',
  '-p udp -m multiport --sports 53,5353',
  '-p tcp -m multiport --ports 81,40000:40010',
  '-p udp -m multiport ! --ports 53',
  '-m conntrack --ctstate NEW',
  '-m conntrack ! --ctstate NEW',
  '-m conntrack --ctstate RELATED,ESTABLISHED',
  '-m conntrack --ctstate INVALID',
  '-m conntrack --ctstate SNAT,DNAT',
  '-m conntrack ! --ctstate DNAT',
  '-m conntrack --ctstate NEW,UNTRACKED --ctproto 17',
  '-m conntrack --ctstatus NONE',
  '-m conntrack ! --ctstatus NONE',
  '-m conntrack --ctstatus SEEN_REPLY',
  '-m conntrack ! --ctstatus SEEN_REPLY',
  '-m conntrack --ctstatus ASSURED',
  '-m conntrack --ctstatus CONFIRMED',
  '-m conntrack --ctstatus EXPECTED',
  '-m conntrack --ctproto 6',
  '-m conntrack ! --ctproto 6',
  `-m conntrack --ctorigsrc ${a}`,
  `-m conntrack ! --ctorigsrc ${a}`,
  `-m conntrack --ctorigdst ${b}`,
  `-m conntrack --ctreplsrc ${b}`,
  `-m conntrack ! --ctrepldst ${a}`,
  '-m conntrack --ctproto 6 --ctorigdstport 80',
  '-m conntrack --ctproto 6 --ctorigsrcport 40000:40100',
  '-m conntrack --ctproto 17 --ctreplsrcport 53',
  '-m conntrack ! --ctproto 1 --ctrepldstport 40000:65535',
  '-m conntrack --ctdir ORIGINAL',
  '-m conntrack --ctdir REPLY',
  `-m conntrack ! --ctstate NEW ! --ctorigsrc 192.0.2.1`.replace('192.0.2.1', full === 32 ? '192.0.2.1' : '2001:db8::1'),
  '-m state --state NEW',
  '-m state --state INVALID,RELATED,ESTABLISHED',
  '-m addrtype --dst-type LOCAL',
  '-m addrtype ! --dst-type LOCAL',
  '-m addrtype --src-type LOCAL',
  '-m addrtype --src-type UNICAST',
  '-m addrtype --dst-type MULTICAST',
  '-m comment --comment "-j DROP \\"x\\""',
  '-m mark --mark 0x0',
  '-m mark ! --mark 0x0/0xff',
  '-m mark --mark 0x1/0x1',
  '-m connmark --mark 0x0',
  '-m connmark ! --mark 0x1/0xff',
  '-m mac --mac-source 02:42:ac:11:00:02',
  '-m mac ! --mac-source 02:42:ac:11:00:02',
  '-m physdev --physdev-in eth0',
  '-m physdev ! --physdev-in eth0',
  '-m physdev --physdev-is-in',
  '-m physdev ! --physdev-is-in',
  '-m physdev ! --physdev-is-bridged',
  `-m iprange --src-range ${a}-${a.slice(0, -1)}3`,
  `-m iprange ! --dst-range ${a}-${a.slice(0, -1)}3`,
  `-m iprange ! --src-range ${a}-${a.slice(0, -1)}3 --dst-range ${b}-${b}`,
  '-m length --length 0:60',
  '-m length ! --length 0:60',
  '-m length --length 28',
  '-m tos --tos 0x10/0x3f',
  '-m tos ! --tos 0x10/0x3f',
  '-m dscp --dscp 0x2e',
  '-m dscp ! --dscp 0x2e',
  '-m pkttype --pkt-type unicast',
  '-m pkttype ! --pkt-type unicast',
  '-m pkttype --pkt-type broadcast',
  '-m pkttype --pkt-type multicast',
  '-m policy --dir in --pol none',
  '-m policy --dir in --pol ipsec',
  '-p tcp -m tcpmss --mss 1400:1460',
  '-p tcp -m tcpmss ! --mss 1400:1460',
  '-m u32 --u32 "0x0>>0x1c=0x4"',
  '-m u32 ! --u32 "0x0>>0x1c=0x4"',
  '-m u32 --u32 "0x6&0xff=0x6:0x11,0x1"',
  '-m u32 --u32 "0x0>>0x16&0x3c@0x0>>0x10=0x9c40:0x9c50"',
  '-m u32 ! --u32 "0x0>>0x16&0x3c@0x400=0x1"',
  '-m u32 --u32 "0x5=0x0:0xffffffff&&0x8>>0x18=0x40"',
  '-m statistic --mode random --probability 0.50000000000',
  '-m statistic --mode nth --every 3 --packet 0',
  '-m limit --limit 1/min --limit-burst 2',
  '-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name vs1',
  '-m recent --set --name VS --rsource',
  '-m recent --rcheck --name VS --rsource',
  '-m quota --quota 100',
  '-m time --timestart 09:00:00 --timestop 18:00:00',
  '-m connlimit --connlimit-above 1',
  '-m string --string "vethscope" --algo bm',
  '-m cpu --cpu 0',
  '-m devgroup --src-group 0x0',
  '-m socket --nowildcard',
];

export const INPUT_RULES: Readonly<Record<'ip' | 'ip6', readonly string[]>> = {
  ip: [
    ...common('10.77.0.1', '10.77.0.2', 32),
    '-s 10.0.0.1/255.0.0.255',
    '! -s 10.0.0.1/255.0.0.255',
    '-d 10.77.0.0/24',
    '-f',
    '! -f',
    '-p icmp -m icmp --icmp-type any',
    '-p icmp -m icmp --icmp-type 8',
    '-p icmp -m icmp --icmp-type 8/0',
    '-p icmp -m icmp ! --icmp-type 8',
    '-p icmp -m icmp --icmp-type 3/4',
    '-p icmp -m icmp --icmp-type 3',
    '-m addrtype --dst-type BROADCAST',
    '-m addrtype ! --dst-type LOCAL,BROADCAST',
    '-m addrtype --dst-type UNICAST,MULTICAST',
    '-m addrtype --src-type UNICAST --dst-type LOCAL',
    '-m ttl --ttl-eq 64',
    '-m ttl ! --ttl-eq 64',
    '-m ttl --ttl-lt 5',
    '-m ttl --ttl-gt 64',
    '-p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100200"',
    '-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"',
    '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4098,6 0 0 0,6 0 0 4294967295"',
    '-m bpf --bytecode "5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 65535,6 0 0 0"',
    '-m bpf --bytecode "4,128 0 0 0,37 0 1 59,6 0 0 65535,6 0 0 0"',
    '-m set --match-set vsip src',
    '-m set ! --match-set vsip src',
    '-m set --match-set vsip dst',
    '-m set --match-set vsnet src',
    '-m set --match-set vsnet dst',
    '-m set --match-set vsnet src --return-nomatch',
    '-m set --match-set vsnet dst --return-nomatch',
    '-m set --match-set vsipport src,dst',
    '-m set --match-set vsipport src',
    '-m set ! --match-set vsipport src',
    '-m set --match-set vsnetport dst,dst',
    '-m set --match-set vsipportip src,dst,dst',
    '-m set --match-set vsipportnet src,dst,dst',
    '-m set --match-set vsnetnet src,dst',
    '-m set ! --match-set vsnetnet dst,src',
    '-m set --match-set vsnetiface src,src',
    '-m set --match-set vsnetiface src,dst',
    '-m set --match-set vsmac src',
    '-m set --match-set vsipmac src,src',
    '-m set --match-set vsmark src,src',
    '-m set --match-set vsbmip src',
    '-m set --match-set vsbmport dst',
    '-m set --match-set vsbmport src',
    '-m set --match-set vsbmipmac src,src',
    '-m set --match-set vslist src',
    '-m set --match-set vslist src,dst',
    '-m set ! --match-set vslist dst,dst',
    '-m set --match-set vsmask src',
  ],
  ip6: [
    ...common('fd77::1', 'fd77::2', 128),
    '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
    '-p ipv6-icmp -m icmp6 ! --icmpv6-type 128',
    '-p ipv6-icmp -m icmp6 --icmpv6-type 128/0',
    '-p ipv6-icmp -m icmp6 --icmpv6-type 1/4',
    '-m hl --hl-eq 64',
    '-m hl ! --hl-eq 64',
    '-m hl --hl-lt 5',
    '-m hl --hl-gt 64',
    '-m set --match-set vsnet6 src',
    '-m set ! --match-set vsnet6 dst',
    '-m set --match-set vsipport6 src,dst',
    '-m set --match-set vslist src',
  ],
};

export const PREROUTING_RULES: Readonly<Record<'ip' | 'ip6', readonly string[]>> = {
  ip: [
    '-m rpfilter',
    '-m rpfilter --invert',
    '-m rpfilter --loose',
    '-m conntrack --ctstate NEW',
    '-m conntrack --ctstate INVALID',
    '-m conntrack ! --ctstate INVALID',
    '-m conntrack --ctorigsrc 10.77.0.1',
    '-m connmark ! --mark 0x1',
    '-m addrtype --dst-type LOCAL --limit-iface-in',
  ],
  ip6: ['-m rpfilter', '-m rpfilter --invert', '-m conntrack --ctstate NEW', '-m conntrack --ctstate INVALID'],
};

export const SETS = `create vsip hash:ip family inet
add vsip 10.77.0.1
create vsnet hash:net family inet
add vsnet 10.0.0.0/8
add vsnet 10.77.0.2/31 nomatch
add vsnet 10.77.0.0/28
create vsipport hash:ip,port family inet
add vsipport 10.77.0.1,tcp:80
add vsipport 10.77.0.1,udp:53
add vsipport 10.77.0.1,icmp:echo-request
add vsipport 10.77.0.1,47:0
create vsnetport hash:net,port family inet
add vsnetport 10.77.0.0/24,tcp:80-85
add vsnetport 10.77.0.2/32,tcp:80 nomatch
create vsipportip hash:ip,port,ip family inet
add vsipportip 10.77.0.1,tcp:80,10.77.0.2
create vsipportnet hash:ip,port,net family inet
add vsipportnet 10.77.0.1,udp:53,10.77.0.0/24
create vsnetnet hash:net,net family inet
add vsnetnet 10.77.0.0/24,10.77.0.2/32
create vsnetiface hash:net,iface family inet
add vsnetiface 10.77.0.0/24,vshost0
create vsmac hash:mac
add vsmac 02:42:ac:11:00:02
create vsipmac hash:ip,mac family inet
add vsipmac 10.77.0.1,02:42:AC:11:00:02
create vsmark hash:ip,mark family inet
add vsmark 10.77.0.1,0x00000000
create vsbmip bitmap:ip range 10.77.0.0/24
add vsbmip 10.77.0.1
create vsbmport bitmap:port range 0-1000
add vsbmport 80
create vsbmipmac bitmap:ip,mac range 10.77.0.0/24
add vsbmipmac 10.77.0.1,02:42:AC:11:00:02
create vsmask hash:ip family inet netmask 24
add vsmask 10.77.0.0
create vsnet6 hash:net family inet6
add vsnet6 fd77::/64
create vsipport6 hash:ip,port family inet6
add vsipport6 fd77::1,tcp:80
add vsipport6 fd77::1,icmpv6:echo-request
create vslist list:set size 8
add vslist vsip
add vslist vsnet6
add vslist vsipport
`;
