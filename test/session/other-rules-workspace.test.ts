/** A workspace with other rules, as the UI has it: what is opened is judged by them, and what they change can be asked for. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { readOtherRules } from '../../src/host/other-rules.ts';
import { diffText } from '../../src/report/diff-text.ts';
import { isUsed } from '../../src/report/rule-use.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { openWorkspace } from '../../src/session/open-workspace.ts';
import type { CaptureView } from '../../src/session/state/capture-view.ts';
import type { FlowRow } from '../../src/session/state/flow-row.ts';
import { WhatIf } from '../../src/session/what-if.ts';
import type { HostWorkspace } from '../../src/session/workspace.ts';

const SESSION = fileURLToPath(new URL('../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url));
const OTHER_HOST = fileURLToPath(new URL('../fixtures/snapshots/scene-26.1.json', import.meta.url));
const DROP_ALL = '*raw\n:PREROUTING DROP\nCOMMIT\n';

let workspace: HostWorkspace;

const open = async (parts: { readonly rules?: string; readonly host?: string }): Promise<void> => {
  const rules = parts.rules === undefined ? null : readOtherRules({ iptables: { name: '/etc/fw/new.save', text: parts.rules } });
  workspace = await openWorkspace({
    ...{ host: parts.host ?? null, dockerHost: null, needs: 'file' },
    whatIf: rules === null ? null : new WhatIf(rules),
  });
};

const rowsOf = (view: CaptureView): readonly FlowRow[] =>
  view.flows({ sort: 'first', descending: false, search: '', offset: 0, limit: 100 }).rows;

afterEach(() => workspace.close());

describe('a workspace with other rules', () => {
  it('judges the session by them, and says which flows were decided otherwise, with the rule before and after', async () => {
    await open({ rules: DROP_ALL });
    expect(workspace.judgedBy).toEqual({ kind: 'rules', words: 'what if: raw of IPv4 from new.save' });
    const view = await workspace.openFile(SESSION, { replays: true });
    await view.finished;
    const judged = rowsOf(view).filter(({ outcome }) => outcome !== '');
    expect(judged.map(({ outcome, by }) => [outcome, by])).toEqual(judged.map(() => ['DROP', 'raw PREROUTING policy']));
    const diff = await workspace.diffFile(SESSION);
    const text = diffText(diff, { style: PLAIN_STYLE, columns: null, all: true, offsetOf: () => 0 }).join('\n');
    expect(text).toMatch(/^3 of 3 flows change: /);
    expect(text).toMatch(/was {2}filter DOCKER-FORWARD #5: .*\n {2}now {2}raw PREROUTING policy/);
    // What is shown and what is compared are the same flows.
    for (const { row } of diff.changed) expect(view.flow(row.flow.id)?.bName).toBe(row.bName);
  });

  it('counts at their rules what the session would have met, up to the cursor', async () => {
    await open({ rules: DROP_ALL });
    const view = await workspace.openFile(SESSION, { replays: true });
    const rules = workspace.countRules(view);
    await view.finished;
    const met = rules.uses().rules.filter(isUsed);
    expect(met.map(({ table, chain, rule }) => `${table} ${chain} ${rule ?? 'policy'}`)).toEqual(['raw PREROUTING policy']);
    const whole = rules.uses().packets;
    expect(whole).toBe(met[0]?.packets);
    const { replay } = view;
    replay?.seek(replay.span?.startSec ?? 0);
    await expect.poll(() => rules.uses().packets, { timeout: 15_000 }).toBeLessThan(whole);
  });

  it('compares with the rules of the session itself where another host was given', async () => {
    await open({ host: OTHER_HOST });
    expect(workspace.judgedBy?.words).toMatch(/^judged by the snapshot of /);
    const diff = await workspace.diffFile(SESSION);
    expect(diff.compared).toBeGreaterThan(0);
    expect(diff.changed.length).toBeGreaterThan(0);
    expect(diff.changed[0]?.before.verdict.decidedBy.text).not.toBe(diff.changed[0]?.after.verdict.decidedBy.text);
  });

  it('compares a host with itself under other rules where both were given', async () => {
    await open({ host: OTHER_HOST, rules: '*raw\n:PREROUTING ACCEPT\nCOMMIT\n' });
    const diff = await workspace.diffFile(SESSION);
    // That host does not know the session's devices: by neither of its rules anything is determined.
    expect(diff.compared).toBeGreaterThan(0);
    expect(diff.changed).toEqual([]);
  });

  it('has nothing to compare with where none were given, and says what to try', async () => {
    await open({});
    expect(workspace.judgedBy).toBeNull();
    await expect(workspace.diffFile(SESSION)).rejects.toMatchObject({
      message: 'no other rules were given to compare with',
      hint: expect.stringContaining('--iptables NEW'),
    });
  });
});
