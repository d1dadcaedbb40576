import { conformance, skb } from '../support.ts';

conformance('matches that rest on what came before, on time or on chance', [
  ['-m limit --limit 3/min', skb(), 'unknown'],
  ['-m hashlimit --hashlimit-upto 1/sec --hashlimit-mode srcip --hashlimit-name x', skb(), 'unknown'],
  ['-m statistic --mode random --probability 0.50000000000', skb(), 'unknown'],
  ['-m statistic --mode random --probability 1.00000000000', skb(), true],
  ['-m statistic --mode random ! --probability 0.00000000000', skb(), true],
  ['-m statistic --mode nth --every 3 --packet 0', skb(), 'unknown'],
  ['-m recent --set --name S --rsource', skb(), true],
  ['-m recent ! --set --name S --rsource', skb(), false],
  ['-m recent --rcheck --name S --rsource', skb(), 'unknown'],
  ['-m connlimit --connlimit-above 10', skb(), 'unknown'],
  ['-m quota --quota 1000', skb(), 'unknown'],
  ['-m time --timestart 09:00:00', skb(), 'unknown'],
  ['-m helper --helper ftp', skb(), 'unknown'],
  ['-m string --string "abc" --algo bm', skb(), 'unknown'],
  ['-m no-such-match --some option', skb(), 'unknown'],
  ['-p udp -m no-such-match --some option', skb(), false],
]);
