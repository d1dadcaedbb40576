/**
 * Rulesets of native nftables as programs of a container host write them, rendered for given networks in an arrangement of our own:
 * Docker 29 with its nftables backend, firewalld, netavark, kube-proxy's nftables mode, and what an administrator writes by hand.
 */

export interface Network {
  readonly bridge: string;
  readonly subnet: string;
  readonly icc: boolean;
  readonly internal?: true;
  /** Default `nat`. */
  readonly mode?: 'nat' | 'routed' | 'nat-unprotected';
  /** Addresses of all containers; without them those that have a port published. */
  readonly endpoints?: readonly string[];
  readonly published: readonly { readonly address: string; readonly port: number; readonly hostPort: number; readonly hostIp?: string }[];
}

const jumps = (map: string, prefix: string, networks: readonly Network[]): string =>
  `map ${map} { type ifname : verdict; elements = { ${networks.map(({ bridge }) => `"${bridge}" : jump ${prefix}__${bridge}`).join(', ')} } }`;

const forwardChains = ({ bridge, icc, internal, mode, published }: Network): string =>
  internal === true
    ? `chain filter-forward-in__${bridge} {
         ct state established,related counter accept
         iifname != "${bridge}" counter drop comment "INTERNAL NETWORK INGRESS"
         counter ${icc ? 'accept' : 'drop'} comment "ICC"
       }
       chain filter-forward-out__${bridge} {
         ct state established,related counter accept
         oifname != "${bridge}" counter drop comment "INTERNAL NETWORK EGRESS"
       }`
    : `chain filter-forward-in__${bridge} {
         ct state established,related counter accept
         ${mode === 'routed' ? 'ip protocol icmp counter accept comment "ICMP"' : ''}
         iifname "${bridge}" counter ${icc ? 'accept' : 'drop'} comment "ICC"
         ${mode === 'nat-unprotected' ? '' : published.map(({ address, port }) => `ip daddr ${address} tcp dport ${port} counter accept`).join('\n')}
         counter ${mode === 'nat-unprotected' ? 'accept comment "UNPROTECTED"' : 'drop comment "UNPUBLISHED PORT DROP"'}
       }
       chain filter-forward-out__${bridge} {
         ct state established,related counter accept
         counter accept comment "OUTGOING"
       }`;

const natChains = ({ bridge, subnet, internal, mode, published }: Network): string => `
  chain nat-postrouting-in__${bridge} {
    ${published.map(({ address, port }) => `ip saddr ${address} ip daddr ${address} tcp dport ${port} counter masquerade comment "MASQ TO OWN PORT"`).join('\n')}
  }
  chain nat-postrouting-out__${bridge} {
    ${internal === true || mode === 'routed' ? '' : `oifname != "${bridge}" ip saddr ${subnet} counter masquerade comment "MASQUERADE"`}
  }`;

/** Docker 29 with --firewall-backend=nftables. */
export const dockerTables = (networks: readonly Network[]): string => `
table ip docker-bridges {
  ${networks.map((network) => `${forwardChains(network)}\n${natChains(network)}`).join('\n')}
  ${jumps('filter-forward-in-jumps', 'filter-forward-in', networks)}
  ${jumps('filter-forward-out-jumps', 'filter-forward-out', networks)}
  ${jumps('nat-postrouting-in-jumps', 'nat-postrouting-in', networks)}
  ${jumps('nat-postrouting-out-jumps', 'nat-postrouting-out', networks)}
  chain nat-prerouting-and-output {
    ${networks
      .filter(({ mode }) => mode !== 'routed')
      .flatMap(({ bridge, published }) =>
        published.map(
          ({ address, port, hostPort, hostIp }) =>
            `iifname != "${bridge}" ${hostIp === undefined ? '' : `ip daddr ${hostIp} `}tcp dport ${hostPort} counter dnat to ${address}:${port} comment "DNAT"`,
        ),
      )
      .join('\n')}
  }
  chain filter-FORWARD {
    type filter hook forward priority filter; policy accept;
    oifname vmap @filter-forward-in-jumps
    iifname vmap @filter-forward-out-jumps
  }
  chain nat-OUTPUT {
    type nat hook output priority -100;
    ip daddr != 127.0.0.0/8 fib daddr type local counter jump nat-prerouting-and-output
  }
  chain nat-POSTROUTING {
    type nat hook postrouting priority srcnat;
    iifname vmap @nat-postrouting-out-jumps
    oifname vmap @nat-postrouting-in-jumps
  }
  chain nat-PREROUTING {
    type nat hook prerouting priority dstnat;
    fib daddr type local counter jump nat-prerouting-and-output
  }
  chain raw-PREROUTING {
    type filter hook prerouting priority raw;
    ${networks
      .filter(({ internal, mode }) => internal !== true && mode !== 'routed')
      .flatMap(({ bridge, mode, endpoints, published }) => [
        ...(mode === 'nat-unprotected' ? [] : (endpoints ?? published.map(({ address }) => address))).map(
          (address) => `ip daddr ${address} iifname != "${bridge}" counter drop comment "DROP DIRECT ACCESS"`,
        ),
        ...published.flatMap(({ hostPort, hostIp }) => [
          ...(hostIp === '127.0.0.1'
            ? [`iifname != "lo" ip daddr 127.0.0.1 tcp dport ${hostPort} counter drop comment "DROP REMOTE LOOPBACK"`]
            : []),
        ]),
      ])
      .join('\n')}
  }
}
`;

/** Bridges of zone docker, and an uplink in zone public. */
export const firewalldTable = (docker: readonly string[], uplink: string): string => `
table inet firewalld {
  chain filter_FWD_docker { accept; }
  chain filter_FWD_public { return; }
  chain filter_IN_public {
    tcp dport 22 ct state { new, untracked } accept
    ip6 daddr fe80::/64 udp dport 546 ct state { new, untracked } accept
    meta l4proto { icmp, ipv6-icmp } accept
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES {
    ${docker.map((bridge) => `iifname "${bridge}" goto filter_FWD_docker`).join('\n')}
    iifname "${uplink}" goto filter_FWD_public
    goto filter_FWD_public
  }
  chain filter_INPUT_ZONES {
    ${docker.map((bridge) => `iifname "${bridge}" accept`).join('\n')}
    goto filter_IN_public
  }
  chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; }
  chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; }
  chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept; }
  chain filter_PREROUTING {
    type filter hook prerouting priority filter + 10; policy accept;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
  }
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 addr-unreachable
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
}
`;

export const netavarkTable = (subnet: string, address: string, port: number, hostPort: number): string => `
table inet netavark {
  chain nv_web { ip daddr ${subnet} accept; ip daddr != 224.0.0.0/4 masquerade; }
  chain nv_dnat { ip saddr ${subnet} tcp dport ${hostPort} jump NETAVARK-HOSTPORT-SETMARK
    tcp dport ${hostPort} dnat ip to ${address}:${port}
  }
  chain NETAVARK-HOSTPORT-SETMARK { meta mark set meta mark | 0x2000; }
  chain NETAVARK-HOSTPORT-DNAT { tcp dport ${hostPort} jump nv_dnat comment "web"; }
  chain NETAVARK-ISOLATION-1 { }
  chain INPUT { type filter hook input priority filter; policy accept; ip saddr ${subnet} udp dport 53 accept; }
  chain FORWARD { type filter hook forward priority filter; policy accept;
    ct state invalid drop
    ct mark & 0x00001000 == 0x00001000 accept
    jump NETAVARK-ISOLATION-1
    ip daddr ${subnet} ct state established,related accept
    ip saddr ${subnet} accept
  }
  chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept;
    meta mark & 0x00002000 == 0x00002000 masquerade
    ip saddr ${subnet} jump nv_web
  }
  chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump NETAVARK-HOSTPORT-DNAT; }
  chain OUTPUT { type nat hook output priority -100; policy accept; fib daddr type local jump NETAVARK-HOSTPORT-DNAT; }
}
`;

export const handTable = (bridges: readonly string[]): string => `
table inet filter {
  set admins { type ipv4_addr; flags interval; elements = { 203.0.113.0/28, 198.51.100.7 } }
  map services { type inet_service : verdict; flags interval; elements = { 22 : accept, 8080 : accept, 9 : drop, 7000-7010 : jump seldom } }
  chain seldom { ip saddr @admins accept; reject with tcp reset; }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif "lo" accept
    ip protocol icmp icmp type { echo-request, destination-unreachable } limit rate 5/second burst 20 packets accept
    ip saddr @admins tcp dport vmap @services
    udp dport { 53, 67-68 } counter accept
    log prefix "in: " counter
  }
  chain forward {
    type filter hook forward priority filter + 5; policy drop;
    ct state established,related accept
    ct status dnat accept
    iifname { ${bridges.map((bridge) => `"${bridge}"`).join(', ')} } oifname != { ${bridges.map((bridge) => `"${bridge}"`).join(', ')} } meta mark set 0x7 accept
  }
  chain output { type route hook output priority mangle; policy accept; ip daddr 203.0.113.0/24 tcp dport 99 meta mark set 0x1; }
}
`;

/** One service of two endpoints, by concatenated verdict maps and numgen, and its masquerading by mark. */
export const kubeProxyTable = (service: string, port: number, endpoints: readonly string[]): string => `
table ip kube-proxy {
  ${endpoints
    .map(
      (endpoint, at) => `chain endpoint-${at} {
        ip saddr ${endpoint} jump mark-for-masquerade
        meta l4proto tcp dnat to ${endpoint}:80
      }`,
    )
    .join('\n')}
  chain mark-for-masquerade { meta mark set meta mark | 0x4000; }
  chain service-web {
    ip daddr ${service} tcp dport ${port} ip saddr != 192.0.2.0/24 jump mark-for-masquerade
    numgen random mod ${endpoints.length} vmap { ${endpoints.map((_endpoint, at) => `${at} : goto endpoint-${at}`).join(', ')} }
  }
  chain reject-chain { reject; }
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { ${service} . tcp . ${port} : goto service-web } }
  map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { ${service} . tcp . 81 : goto reject-chain } }
  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
  chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
  chain nat-output { type nat hook output priority -100; policy accept; jump services; }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark & 0x4000 == 0 return
    meta mark set meta mark ^ 0x4000
    masquerade fully-random
  }
  chain filter-prerouting { type filter hook prerouting priority dstnat - 10; policy accept; ct state new jump service-endpoints-check; }
}
`;
