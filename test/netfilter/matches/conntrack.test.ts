import { ip } from '../../addresses.ts';
import { conformance, skb } from '../support.ts';

const dnated = skb({
  ct: {
    dnat: true,
    original: { src: ip('10.0.0.1'), dst: ip('203.0.113.1'), srcPort: 40000, dstPort: 8080 },
    reply: { src: ip('10.0.0.2'), dst: ip('10.0.0.1'), srcPort: 80, dstPort: 40000 },
  },
});
const established = skb({ ct: { state: 'ESTABLISHED', seenReply: true, assured: true, confirmed: true } });
const reply = skb({ ct: { state: 'ESTABLISHED', direction: 'reply', seenReply: true } });
const invalid = skb({ ct: { state: 'INVALID' } });
const untracked = skb({ ct: { state: 'UNTRACKED' } });

conformance('conntrack_mt in xt_conntrack.c; iptables-extensions(8), conntrack', [
  ['-m conntrack --ctstate NEW', skb(), true],
  ['-m conntrack --ctstate RELATED,ESTABLISHED', skb(), false],
  ['-m conntrack --ctstate RELATED,ESTABLISHED', established, true],
  ['-m conntrack ! --ctstate NEW', established, true],
  ['-m conntrack --ctstate INVALID', invalid, true],
  ['-m conntrack --ctstate NEW,INVALID', untracked, false],
  ['-m conntrack --ctstate UNTRACKED', untracked, true],
  ['-m conntrack --ctstate DNAT', dnated, true],
  ['-m conntrack --ctstate DNAT', skb(), false],
  ['-m conntrack --ctstate SNAT', dnated, false],
  ['-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT', dnated, false],
  ['-m conntrack --ctstate DNAT', skb({ ct: { state: 'INVALID', dnat: true } }), false],
  ['-m conntrack --ctstatus SEEN_REPLY,ASSURED', established, true],
  ['-m conntrack --ctstatus ASSURED', skb(), false],
  ['-m conntrack ! --ctstatus CONFIRMED', skb(), true],
  ['-m conntrack --ctstatus NONE', skb(), false],
  ['-m conntrack --ctproto 6', skb(), true],
  ['-m conntrack --ctproto udp', skb(), false],
  ['-m conntrack --ctorigdst 203.0.113.1 --ctorigdstport 8080', dnated, true],
  ['-m conntrack --ctorigdst 10.0.0.2', dnated, false],
  ['-m conntrack --ctreplsrc 10.0.0.0/24 --ctreplsrcport 80', dnated, true],
  ['-m conntrack ! --ctorigsrc 10.0.0.1', dnated, false],
  ['-m conntrack --ctorigsrcport 40000:40001', dnated, true],
  ['-m conntrack --ctrepldst 10.0.0.1 --ctrepldstport 1', dnated, false],
  ['-m conntrack --ctdir ORIGINAL', skb(), true],
  ['-m conntrack --ctdir REPLY', reply, true],
  ['-m conntrack --ctdir REPLY', skb(), false],
  ['-m conntrack --ctexpire 10:20', skb(), 'unknown'],
  ['-m conntrack --ctproto 6', invalid, false],
  ['-m conntrack ! --ctproto 17', invalid, false],
  ['-m conntrack --ctstate INVALID --ctproto 17', invalid, true],
  ['-m conntrack --ctstate INVALID ! --ctorigsrc 10.0.0.1', invalid, true],
  [
    '-m conntrack --ctorigdstport 80',
    skb({ ct: { original: { src: ip('10.0.0.1'), dst: ip('10.0.0.2'), srcPort: null, dstPort: null } } }),
    'unknown',
  ],
  ['-m conntrack --ctstate CURIOUS', skb(), 'unknown'],
]);

conformance('conntrack_mt in xt_conntrack.c, as -m state', [
  ['-m state --state NEW', skb(), true],
  ['-m state --state RELATED,ESTABLISHED', established, true],
  ['-m state ! --state INVALID', invalid, false],
  ['-m state --state DNAT', dnated, 'unknown'],
]);

conformance('connmark_mt in xt_connmark.c', [
  ['-m connmark --mark 0x20/0xf0', skb({ ct: { mark: 0x2f } }), true],
  ['-m connmark ! --mark 0x0', skb(), false],
  ['-m connmark ! --mark 0x1', invalid, false],
  ['-m connmark --mark 0x1', skb({ ct: { mark: null } }), 'unknown'],
]);
