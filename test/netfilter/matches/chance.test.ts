import { conformance, skb } from '../support.ts';

conformance('limit_mt in xt_limit.c; hashlimit_mt in xt_hashlimit.c; iptables-extensions(8), limit and hashlimit', [
  ['-m limit --limit 3/min', skb(), 'unknown'],
  ['-m hashlimit --hashlimit-upto 1/sec --hashlimit-mode srcip --hashlimit-name x', skb(), 'unknown'],
]);

conformance('statistic_mt in xt_statistic.c; iptables-extensions(8), statistic', [
  ['-m statistic --mode random --probability 0.50000000000', skb(), 'unknown'],
  ['-m statistic --mode random --probability 1.00000000000', skb(), true],
  ['-m statistic --mode random ! --probability 0.00000000000', skb(), true],
  ['-m statistic --mode nth --every 3 --packet 0', skb(), 'unknown'],
]);

conformance('recent_mt in xt_recent.c; iptables-extensions(8), recent', [
  ['-m recent --set --name S --rsource', skb(), true],
  ['-m recent ! --set --name S --rsource', skb(), false],
  ['-m recent --rcheck --name S --rsource', skb(), 'unknown'],
]);

conformance('what other packets of the host counted: xt_connlimit.c, xt_connbytes.c, xt_quota.c, xt_rateest.c, xt_nfacct.c', [
  ['-m connlimit --connlimit-above 10', skb(), 'unknown'],
  ['-m connbytes --connbytes 10000:100000 --connbytes-mode bytes --connbytes-dir both', skb(), 'unknown'],
  ['-m quota --quota 1000', skb(), 'unknown'],
  ['-m rateest --rateest1 RE1 --rateest-lt --rateest-bps1 20kbit', skb(), 'unknown'],
  ['-m nfacct --nfacct-name http', skb(), 'unknown'],
]);

conformance('what conntrack keeps beside the tuple: xt_helper.c, xt_connlabel.c', [
  ['-m helper --helper ftp', skb(), 'unknown'],
  ['-m connlabel --label eth0-in', skb(), 'unknown'],
]);

conformance('the clock and the processor: xt_time.c, xt_cpu.c', [
  ['-m time --timestart 09:00:00', skb(), 'unknown'],
  ['-m cpu --cpu 0', skb(), 'unknown'],
]);

conformance('sockets and their owners: xt_socket.c, xt_cgroup.c, xt_ipvs.c', [
  ['-m socket --transparent', skb(), 'unknown'],
  ['-m cgroup --path service/http', skb(), 'unknown'],
  ['-m ipvs --ipvs', skb(), 'unknown'],
]);

conformance('routes, devices and nodes: xt_realm.c, xt_devgroup.c, xt_cluster.c, xt_osf.c', [
  ['-m realm --realm 0x1', skb(), 'unknown'],
  ['-m devgroup --src-group 0x2', skb(), 'unknown'],
  ['-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 0xdeadbeef', skb(), 'unknown'],
  ['-p tcp -m osf --genre Linux', skb(), 'unknown'],
]);

conformance('contents that are not decoded: string_mt in xt_string.c, esp_mt in xt_esp.c, ah_mt in ipt_ah.c', [
  ['-m string --string "abc" --algo bm', skb(), 'unknown'],
  ['-p esp -m esp --espspi 500', skb({ protocol: 50 }), 'unknown'],
  ['-p ah -m ah --ahspi 500', skb({ protocol: 51 }), 'unknown'],
  ['-p esp -m esp --espspi 500', skb(), false],
]);

conformance('a match that is not here is asked last, and is unknown: ipt_do_table in ip_tables.c', [
  ['-m no-such-match --some option', skb(), 'unknown'],
  ['-p udp -m no-such-match --some option', skb(), false],
]);
