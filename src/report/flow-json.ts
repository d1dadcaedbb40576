/** A flow as one object of the NDJSON stream of `capture --json` and `read --json`. The named fields are a contract; the rest is detail. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import { type CarriedFlows, type Flow, type FlowTunnel, ORIGINAL, REPLY } from '../flow/flow.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../packet/packet.ts';
import { protocolName } from '../packet/protocols.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import type { FlowProxied, FlowVerdict } from '../session/state/flow-verdict.ts';
import { epochText, epochTextOf } from './time.ts';
import { trailFields } from './trail-json.ts';
import { verdictJson } from './verdict-json.ts';

/** `interfaceName` is the capture point's. */
export const flowJson = (row: FlowRow, interfaceName: string): Record<string, unknown> => {
  const { flow } = row;
  return {
    type: 'flow',
    id: flow.id,
    proto: flowProto(flow),
    a: endJson(flow.a, flow.aPort, row.aName),
    b: endJson(flow.b, flow.bPort, row.bName),
    packets: [flow.packets[0], flow.packets[1]],
    bytes: [flow.bytes[0], flow.bytes[1]],
    first: epochText(flow.firstSec, flow.firstNsec),
    last: epochText(flow.lastSec, flow.lastNsec),
    state: row.state,
    rttMs: milliseconds(flow.rttNs),
    verdict: row.verdict === null ? null : verdictJson(row.verdict.verdict),
    reply: row.verdict?.reply ? verdictJson(row.verdict.reply) : null,
    ...verdictDetail(row.verdict),
    ...proxiedDetail(row.proxied ?? null),
    interface: interfaceName,
    ended: flow.ended,
    minRttMs: milliseconds(flow.minRttNs),
    ...protocolDetail(flow),
    ...trailFields(row.trail ?? null),
  };
};

/** The spelling that packets have in JSON: `tcp`, `udp`, `icmp`, `icmpv6`, `arp`, another IANA name, or the number. */
export const flowProto = (flow: Flow): string | number => {
  if (flow.kind === 'arp') return 'arp';
  return protoJson(flow.protocol);
};

export const protoJson = (protocol: number): string | number => {
  switch (protocol) {
    case IPPROTO_ICMP:
      return 'icmp';
    case IPPROTO_TCP:
      return 'tcp';
    case IPPROTO_UDP:
      return 'udp';
    case IPPROTO_ICMPV6:
      return 'icmpv6';
    default: {
      const name = protocolName(protocol);
      return /^[a-z]/i.test(name) ? name.toLowerCase() : protocol;
    }
  }
};

const endJson = (ip: IpAddress, port: number, name: string): Record<string, unknown> => {
  const address = formatIp(ip);
  return { address, ...(port < 0 ? {} : { port }), ...(name === '' || name === address ? {} : { name }) };
};

const milliseconds = (ns: number | null): number | null => (ns === null ? null : ns / 1e6);

const verdictDetail = (verdict: FlowVerdict | null): Record<string, unknown> =>
  verdict === null
    ? {}
    : {
        counted: verdict.counted,
        ...(verdict.natCounted.length === 0 ? {} : { natCounted: verdict.natCounted.map(({ by, connections }) => ({ by, connections })) }),
        ...(verdict.contradiction === null
          ? {}
          : { contradiction: { kind: verdict.contradiction.kind, text: verdict.contradiction.text } }),
        ...(verdict.assumptions.length === 0 ? {} : { assumptions: verdict.assumptions }),
        ...(verdict.changes.length === 0
          ? {}
          : {
              changes: verdict.changes.map((change) => ({
                at: epochTextOf(change.at),
                from: change.from,
                to: change.to,
                because: change.because,
              })),
            }),
      };

const proxiedDetail = (proxied: FlowProxied | null): Record<string, unknown> =>
  proxied === null
    ? {}
    : {
        proxied: {
          half: proxied.half,
          flow: proxied.flow,
          client: proxied.client,
          evidence: proxied.evidence,
          ...(proxied.candidates.length === 0 ? {} : { candidates: proxied.candidates }),
        },
      };

const protocolDetail = (flow: Flow): Record<string, unknown> => ({
  ...(flow.tcp === null
    ? {}
    : {
        tcp: {
          phase: flow.tcp.phase,
          resetBy: flow.tcp.resetBy === ORIGINAL ? 'a' : flow.tcp.resetBy === REPLY ? 'b' : null,
          retransmissions: [...flow.tcp.retransmissions],
          outOfOrder: [...flow.tcp.outOfOrder],
          zeroWindows: [...flow.tcp.zeroWindows],
          handshakeMs: milliseconds(flow.tcp.handshakeNs),
        },
      }),
  ...(flow.echo === null ? {} : { echo: { id: flow.echo.id, sent: flow.echo.sent, answered: flow.echo.answered, lost: flow.echo.lost } }),
  ...(flow.error === null
    ? {}
    : { error: { from: formatIp(flow.error.from), type: flow.error.type, code: flow.error.code, count: flow.error.count } }),
  ...(flow.tunnel === null ? {} : { tunnel: tunnelJson(flow.tunnel) }),
  ...((flow.carries ?? null) === null ? {} : { carries: carriesJson(flow.carries as CarriedFlows) }),
});

const tunnelJson = ({ flowId, backFlowId, vni, src, dst }: FlowTunnel): Record<string, unknown> => ({
  flow: flowId,
  ...(backFlowId < 0 || backFlowId === flowId ? {} : { backFlow: backFlowId }),
  vni,
  src: formatIp(src),
  dst: formatIp(dst),
});

const carriesJson = ({ vni, flows, more }: CarriedFlows): Record<string, unknown> => ({
  vni,
  flows: flows.map((each) => each.id),
  ...(more === 0 ? {} : { more }),
});
