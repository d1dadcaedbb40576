/** All causes, the most specific first: where two explain the same refusal, the earlier one is told first. A new cause is a file and a line. */

import { answerAstray } from './causes/answer-astray.ts';
import { answerElsewhere } from './causes/answer-elsewhere.ts';
import { answerUnasked } from './causes/answer-unasked.ts';
import { answerUnrecognised } from './causes/answer-unrecognised.ts';
import { beforeTheFirewall } from './causes/before-the-firewall.ts';
import { behindProxy } from './causes/behind-proxy.ts';
import { besideHostRules } from './causes/beside-host-rules.ts';
import { bridgePort } from './causes/bridge-port.ts';
import { childrenApart } from './causes/children-apart.ts';
import { conntrackFull } from './causes/conntrack-full.ts';
import { containerNoRoute } from './causes/container-no-route.ts';
import { containerRules } from './causes/container-rules.ts';
import { defaultRoute } from './causes/default-route.ts';
import { directAccess } from './causes/direct-access.ts';
import { dockerDns } from './causes/docker-dns.ts';
import { dockerRulesGone } from './causes/docker-rules-gone.ts';
import { dockerUser } from './causes/docker-user.ts';
import { duplicateAddress } from './causes/duplicate-address.ts';
import { echoIgnored } from './causes/echo-ignored.ts';
import { firewallBypassed } from './causes/firewall-bypassed.ts';
import { firewalld } from './causes/firewalld.ts';
import { foreignMac } from './causes/foreign-mac.ts';
import { forwardingOff } from './causes/forwarding-off.ts';
import { hairpin } from './causes/hairpin.ts';
import { hopLimit } from './causes/hop-limit.ts';
import { hostNetwork } from './causes/host-network.ts';
import { iccNoEffect } from './causes/icc-no-effect.ts';
import { iccOff } from './causes/icc-off.ts';
import { inputRefused } from './causes/input-refused.ts';
import { internalNetwork } from './causes/internal-network.ts';
import { invalidState } from './causes/invalid-state.ts';
import { ipv6Off } from './causes/ipv6-off.ts';
import { kubeFirewall } from './causes/kube-firewall.ts';
import { loopbackFromOutside } from './causes/loopback-from-outside.ts';
import { loopbackSource } from './causes/loopback-source.ts';
import { loopback6Published } from './causes/loopback6-published.ts';
import { macvlanHost } from './causes/macvlan-host.ts';
import { mtuGap } from './causes/mtu-gap.ts';
import { nativeNftables } from './causes/native-nftables.ts';
import { neighbourSilent } from './causes/neighbour-silent.ts';
import { networkIsolation } from './causes/network-isolation.ts';
import { noMasquerade } from './causes/no-masquerade.ts';
import { noRoute } from './causes/no-route.ts';
import { nobodyListens } from './causes/nobody-listens.ts';
import { nobodyThere } from './causes/nobody-there.ts';
import { notPublished } from './causes/not-published.ts';
import { outsideOfView } from './causes/outside-of-view.ts';
import { overlayAbsent } from './causes/overlay-absent.ts';
import { overlayCleartext } from './causes/overlay-cleartext.ts';
import { overlayEntry } from './causes/overlay-entry.ts';
import { overlayIpsec } from './causes/overlay-ipsec.ts';
import { overlayMtu } from './causes/overlay-mtu.ts';
import { proxied } from './causes/proxied.ts';
import { publishedElsewhere } from './causes/published-elsewhere.ts';
import { publishedPortFilter } from './causes/published-port-filter.ts';
import { publishedUntaken } from './causes/published-untaken.ts';
import { reversePath } from './causes/reverse-path.ts';
import { routeLocalnet } from './causes/route-localnet.ts';
import { staleConntrack } from './causes/stale-conntrack.ts';
import { staleFdb } from './causes/stale-fdb.ts';
import { stolenRoute } from './causes/stolen-route.ts';
import { swarmIngressGone } from './causes/swarm-ingress-gone.ts';
import { swarmPorts } from './causes/swarm-ports.ts';
import { takenPort } from './causes/taken-port.ts';
import { tooBig } from './causes/too-big.ts';
import { twoBackends } from './causes/two-backends.ts';
import { unplugged } from './causes/unplugged.ts';
import { unpublishedDirect } from './causes/unpublished-direct.ts';
import { wrongNeighbour } from './causes/wrong-neighbour.ts';
import type { Cause } from './diagnosis.ts';

export const CAUSES: readonly Cause[] = [
  behindProxy,
  containerRules,
  answerAstray,
  dockerDns,
  conntrackFull,
  echoIgnored,
  unplugged,
  forwardingOff,
  reversePath,
  routeLocalnet,
  loopback6Published,
  hairpin,
  macvlanHost,
  childrenApart,
  bridgePort,
  wrongNeighbour,
  duplicateAddress,
  foreignMac,
  neighbourSilent,
  answerUnasked,
  answerElsewhere,
  defaultRoute,
  answerUnrecognised,
  hopLimit,
  ipv6Off,
  tooBig,
  besideHostRules,
  dockerUser,
  internalNetwork,
  containerNoRoute,
  stolenRoute,
  iccOff,
  twoBackends,
  dockerRulesGone,
  networkIsolation,
  loopbackFromOutside,
  kubeFirewall,
  overlayEntry,
  overlayIpsec,
  overlayAbsent,
  overlayCleartext,
  directAccess,
  unpublishedDirect,
  invalidState,
  firewalld,
  nativeNftables,
  swarmPorts,
  inputRefused,
  noRoute,
  staleConntrack,
  publishedElsewhere,
  takenPort,
  publishedUntaken,
  swarmIngressGone,
  notPublished,
  nobodyListens,
  nobodyThere,
  loopbackSource,
  noMasquerade,
  staleFdb,
  outsideOfView,
  firewallBypassed,
  publishedPortFilter,
  iccNoEffect,
  mtuGap,
  overlayMtu,
  beforeTheFirewall,
  proxied,
  hostNetwork,
];
