/** Who can reach whom: every pair of containers, the host and outside, each with the ports that the far end is known to offer. */
import { VethscopeError } from '../base/errors.ts';

import type { Topology } from '../topology/topology.ts';
import { isLoopback } from './address-kinds.ts';
import type { HostModel } from './model.ts';
import { namespaceOf } from './places.ts';
import { answerBetween } from './question.ts';
import type { Verdict } from './verdict.ts';

export interface MatrixQuestion {
  /** As in a question: names, addresses, `host`, `outside`. Null: everybody. */
  readonly from: readonly string[] | null;
  readonly to: readonly string[] | null;
  /** `icmp`, `tcp:80`. Null: icmp, and what the far end publishes or listens on. */
  readonly ports: readonly string[] | null;
}

export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly proto: string;
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

export interface Matrix {
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** By sender, then receiver, then protocol, in the order of `from`, `to` and of the ports. */
  readonly cells: readonly MatrixCell[];
  /** Containers that are not in it, and why. */
  readonly left: readonly string[];
}

export const matrixOf = (model: HostModel, topology: Topology, question: MatrixQuestion): Matrix => {
  const { names, left } = everybody(topology);
  const from = question.from ?? names;
  const to = question.to ?? names;
  const ports = new Map(to.map((name) => [name, question.ports ?? portsOf(model, topology, name)]));
  const cells = from.flatMap((src) =>
    to
      .filter((dst) => dst !== src)
      .flatMap((dst) =>
        (ports.get(dst) ?? []).map((proto): MatrixCell => ({ from: src, to: dst, proto, ...answered(model, topology, src, dst, proto) })),
      ),
  );
  return { from, to, cells, left: question.from === null || question.to === null ? left : [] };
};

/** Each network namespace once, by the name of its owner; then the host and outside. */
const everybody = (topology: Topology): { readonly names: readonly string[]; readonly left: readonly string[] } => {
  const names: string[] = [];
  const left: string[] = [];
  for (const node of [...topology.containers].sort((x, y) => (x.name < y.name ? -1 : 1))) {
    if (node.state !== 'running' && node.state !== 'paused') left.push(`${node.name} is not running (${node.state})`);
    else if (node.sharesWith !== null) left.push(`${node.name} shares the network of ${node.sharesWith}`);
    else if (node.modeKind === 'host') left.push(`${node.name} shares the network of the host`);
    else if (node.modeKind === 'none' || node.endpoints.length === 0) left.push(`${node.name} has no network`);
    else names.push(node.name);
  }
  return { names: [...names, 'host', 'outside'], left };
};

/** Sorted by protocol and port: the matrices of two moments can be compared line by line. */
const portsOf = (model: HostModel, topology: Topology, name: string): readonly string[] => {
  const ports = new Set<string>();
  const { facts } = model;
  if (name === 'host') {
    for (const { published } of facts.containers)
      for (const port of published)
        if (!port.hostIp.startsWith('127.') && port.hostPort > 0) ports.add(`${port.protocol}:${port.hostPort}`);
    for (const listener of model.self.listeners ?? []) if (!isLoopback(listener.ip)) ports.add(`${listener.protocol}:${listener.port}`);
  } else {
    const node = topology.containers.find((entry) => entry.name === name);
    const container = facts.containers.find((entry) => entry.id === node?.id);
    for (const port of container?.published ?? []) ports.add(`${port.protocol}:${port.containerPort}`);
    const listeners = container === undefined ? null : (namespaceOf(facts, container)?.facts.listeners ?? null);
    for (const listener of listeners ?? []) if (!isLoopback(listener.ip)) ports.add(`${listener.protocol}:${listener.port}`);
  }
  return ['icmp', ...[...ports].filter((port) => /^(tcp|udp|sctp):/.test(port)).sort(byPort)];
};

export const byPort = (x: string, y: string): number => {
  const [xName = '', xPort = '0'] = x.split(':');
  const [yName = '', yPort = '0'] = y.split(':');
  return xName === yName ? Number(xPort) - Number(yPort) : xName < yName ? -1 : 1;
};

/** What cannot be asked of one pair is no reason to leave the others without an answer; what nobody understands is. */
const answered = (
  model: HostModel,
  topology: Topology,
  src: string,
  dst: string,
  proto: string,
): { readonly verdict: Verdict; readonly reply: Verdict | null } => {
  try {
    const { verdict, reply } = answerBetween(model, topology, src, dst, proto);
    return { verdict, reply };
  } catch (error) {
    if (!(error instanceof VethscopeError) || error.kind !== 'failure') throw error;
    const text = error.detail === null ? error.message : `${error.message}: ${error.detail}`;
    return {
      verdict: {
        outcome: 'undetermined',
        decidedBy: { kind: 'default', text },
        nat: [],
        out: null,
        steps: [],
        unknowns: [text],
        evidence: 'predicted',
      },
      reply: null,
    };
  }
};
