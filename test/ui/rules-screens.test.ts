/** What each rule met, and what other rules would change: both screens, and how one comes from them to the flows. */
import { afterEach, describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/ui/text.ts';
import { MountedUi, type MountOptions } from './fixtures/mount.tsx';
import { fixtureUses, useOf } from './fixtures/rules.ts';
import { FixtureWorkspace } from './fixtures/workspace.ts';

let ui: MountedUi;

const rules = async (options: MountOptions = {}): Promise<void> => {
  ui = new MountedUi(options);
  await ui.press('enter', 'enter');
  await ui.press('R');
  expect(ui.screen.kind).toBe('rules');
};

const onFile = async (options: MountOptions = {}): Promise<void> => {
  ui = new MountedUi(options);
  await ui.press('o', 'ctrl+u');
  await ui.type('demo.pcapng');
  await ui.press('enter');
  expect(ui.screen.kind).toBe('watch');
};

const shownChains = (): string[] => ui.lines.flatMap((line) => /(\S+ (?:#\d+|policy)) {2,}/.exec(line)?.[1] ?? []);

afterEach(async () => {
  expect(ui.failures).toEqual([]);
  await ui.close();
});

describe('what each rule met', () => {
  it('stands with the most packets first, those that are only possible among them, and without what no packet met', async () => {
    await rules({ columns: 140 });
    expect(shownChains()).toEqual(['LIMIT #1', 'FORWARD #1', 'FORWARD #9', 'DOCKER-ISOLATION-STAGE-2 #1']);
    expect(ui.text).toMatch(/28 packets followed through the rules · of 4 more no way is foretold/);
    expect(ui.text).toMatch(/28 +2\.4 kB +2 +\+28 +filter FORWARD #1 +-j DOCKER-USER/);
    expect(ui.text).toMatch(/300\? +0 B +3 +\? +filter LIMIT #1/);
    expect(ui.text).toContain('300 more perhaps, as what they meet is not determined');
    expect(ui.text).toContain('1 of 4 (2 unmet) · by packets, descending');
  });

  it.each([80, 100, 140])('has packets, flows, chain and rule at %i columns, and the whole rule below', async (columns) => {
    await rules({ columns, rows: 24 });
    await ui.press('down', 'down', 'down');
    expect(ui.selectedLine).toMatch(/^▸ +12 .*#1 +-o br-/);
    expect(ui.text).toMatch(/-A DOCKER-ISOLATION-STAGE-2 -o br-\w+ -j DROP/);
    expect(ui.text).toContain('filter DOCKER-ISOLATION-STAGE-2  IPv4, nft');
    for (const line of ui.lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    expect(ui.text).toContain('enter its flows');
  });

  it('sorts by other figures, and by chain and number as the rules stand', async () => {
    await rules({ columns: 140 });
    await ui.press('o');
    expect(shownChains()[0]).toBe('DOCKER-ISOLATION-STAGE-2 #1');
    await ui.press('o', 'o', 'u');
    expect(ui.text).toContain('by chain and number');
    expect(shownChains()).toEqual([
      ...['FORWARD #1', 'FORWARD #9', 'FORWARD policy', 'DOCKER-ISOLATION-STAGE-2 #1', 'LIMIT #1', 'INPUT #1'],
    ]);
  });

  it('keeps its rows while one is selected, whatever is counted meanwhile', async () => {
    const workspace = new FixtureWorkspace();
    await rules({ workspace, columns: 140 });
    await ui.press('down');
    expect(ui.selectedLine).toContain('FORWARD #1');
    const late = useOf({ chain: 'INPUT', text: '-A INPUT -j ACCEPT', packets: 50_000 });
    const { rules: before, ...rest } = fixtureUses();
    workspace.rules.uses = () => ({ ...rest, rules: [...before.map((use) => (use.rule === 9 ? { ...use, packets: 9_000 } : use)), late] });
    workspace.captures[0]?.change({});
    await ui.press('down');
    expect(shownChains()).toEqual(['LIMIT #1', 'FORWARD #1', 'FORWARD #9', 'DOCKER-ISOLATION-STAGE-2 #1', 'INPUT #1']);
    expect(ui.selectedLine).toContain('FORWARD #9');
    await ui.press('g');
    expect(shownChains().slice(0, 2)).toEqual(['INPUT #1', 'FORWARD #9']);
  });

  it('leads to the flows that a rule decides, and esc to all flows again', async () => {
    await rules();
    await ui.press('G', 'enter');
    expect(ui.screen).toMatchObject({ kind: 'watch', search: 'rule:filter/DOCKER-ISOLATION-STAGE-2#1 is:ipv4' });
    expect(ui.text).toContain('flow 1 of 1');
    expect(ui.selectedLine).toContain('DROP');
    await ui.press('esc');
    expect(ui.screen).toMatchObject({ kind: 'watch', search: '' });
  });

  it('leads to the flows that match it on their way where it decides about none, or when they are asked for', async () => {
    await rules();
    await ui.press('down', 'enter');
    expect(ui.screen).toMatchObject({ kind: 'watch', search: 'step:filter/FORWARD#1 is:ipv4' });
    expect(ui.text).toContain('it decides about no flow');
    await ui.press('R', 'G', 'm');
    expect(ui.screen).toMatchObject({ search: 'step:filter/DOCKER-ISOLATION-STAGE-2#1 is:ipv4' });
  });

  it('says where none of the flows that are kept has met it, or no packet at all', async () => {
    await rules();
    await ui.press('enter');
    expect(ui.screen.kind).toBe('rules');
    expect(ui.text).toContain('none of the flows that are kept has met it');
    await ui.press('u', 'G', 'enter');
    expect(ui.text).toContain('no packet has met it');
  });

  it('counts up to the cursor of a saved session', async () => {
    await onFile();
    await ui.press('R');
    expect(ui.text).toContain('demo.pcapng · as of the cursor · what each rule met');
  });
});

describe('a saved session that is judged by other rules', () => {
  it.each([80, 100, 140])(
    'says so on every screen of %i columns, and shows changed verdicts with the rule before and after',
    async (columns) => {
      await onFile({ workspace: new FixtureWorkspace({ otherRules: true }), columns, rows: 24 });
      expect(ui.lines[0]).toContain('what if: filter of IPv4 from new.save');
      await ui.press('D');
      expect(ui.screen.kind).toBe('diff');
      expect(ui.lines[0]).toContain('what if: filter of IPv4 from new.save');
      expect(ui.text).toMatch(/2 of 7 flows change: 1 accept → drop, 1 drop → accept/);
      expect(ui.selectedLine).toMatch(/accept → drop +web1 → web2/);
      expect(ui.text).toMatch(/was {2}accept: filter FORWARD #9/);
      expect(ui.text).toMatch(/now {2}drop: filter DOCKER-ISOLATION-STAGE-2 #1/);
      for (const line of ui.lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      await ui.press('enter');
      expect(ui.text).toContain('◀ decides');
      await ui.press('esc', 'e');
      expect(ui.copied[0]).toContain('2 of 7 flows change');
      expect(ui.copied[0]).toMatch(/ {2}was {2}filter FORWARD #9/);
    },
  );

  it('says so before anything is opened, too, rather than what else is known of the host', () => {
    ui = new MountedUi({ workspace: new FixtureWorkspace({ otherRules: true }), columns: 80, rows: 24 });
    expect(ui.lines[0]).toMatch(/docker 28\.5\.2 · what if: filter of IPv4 from new\.save/);
  });

  it('has nothing to compare where no other rules were given, and says what to try', async () => {
    await onFile();
    expect(ui.text).not.toContain('changed verdicts');
    await ui.press('D');
    expect(ui.text).toContain('no other rules were given to compare with → vethscope --open FILE --iptables NEW');
  });
});

describe('the footer of a saved session', () => {
  it.each([80, 100, 140])('has the keys of the time bar at %i columns, and none that do nothing there', async (columns) => {
    await onFile({ columns, rows: 24 });
    const footer = ui.lines.findLast((line) => line.includes('? help')) ?? '';
    expect(footer).toMatch(/^ space play · \[ \] step · \( \) drops · \{ \} change · enter path/);
    expect(ui.text).toMatch(/ R rules/);
    expect(ui.text).not.toMatch(/capture filter|freeze/);
  });
});
