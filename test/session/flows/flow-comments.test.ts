/** The line that a saved session carries beside a packet. */
import { expect, it } from 'vitest';
import type { Verdict } from '../../../src/path/verdict.ts';
import { FlowRows } from '../../../src/session/flows/flow-rows.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import { fixtureRows } from '../../ui/fixtures/flows.ts';

const rows = new FlowRows(
  new HostStore(true),
  () => null,
  () => null,
  () => null,
);

const dropped = (namespace?: string): FlowRow => {
  const row = fixtureRows().find(({ verdict }) => verdict?.verdict.outcome === 'drop');
  if (row?.verdict == null) throw new Error('no flow is dropped');
  const decidedBy = {
    kind: 'rule',
    table: 'filter',
    chain: 'INPUT',
    rule: 1,
    text: '-A INPUT -p icmp -j DROP',
    ...(namespace && { namespace }),
  } as const;
  return { ...row, verdict: { ...row.verdict, verdict: { ...row.verdict.verdict, decidedBy } } };
};

it("tells a container's own rule from the host's", () => {
  expect(rows.comment(dropped())).toBe('vethscope: DROP filter/INPUT#1 -A INPUT -p icmp -j DROP');
  expect(rows.comment(dropped('web3'))).toBe('vethscope: DROP filter/INPUT#1 in web3 -A INPUT -p icmp -j DROP');
});

it('says what docker-proxy dials where the other half is not known yet', () => {
  const row = dropped();
  if (row.verdict === null) throw new Error('no verdict');
  const proxiedTo = { container: 'pub', address: '172.17.0.2:80', client: 'carried' } as NonNullable<Verdict['proxiedTo']>;
  const client: FlowRow = { ...row, verdict: { ...row.verdict, verdict: { ...row.verdict.verdict, proxiedTo } } };
  expect(rows.comment(client)).toMatch(/ -j DROP; docker-proxy -> pub 172\.17\.0\.2:80$/);
});
