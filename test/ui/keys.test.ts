import { describe, expect, it } from 'vitest';
import { bindingsOf, KEYS, type KeyBinding, type KeyScope, lookUp } from '../../src/ui/keys.ts';
import { diffHandlers } from '../../src/ui/state/diff.ts';
import { scopesOf } from '../../src/ui/state/dispatch.ts';
import { explainHandlers } from '../../src/ui/state/explain.ts';
import { packetsHandlers } from '../../src/ui/state/packets.ts';
import { pathHandlers } from '../../src/ui/state/path.ts';
import { pickHandlers } from '../../src/ui/state/pick.ts';
import { rulesHandlers } from '../../src/ui/state/rules.ts';
import { topologyHandlers } from '../../src/ui/state/topology.ts';
import { traceHandlers } from '../../src/ui/state/trace.ts';
import { watchHandlers } from '../../src/ui/state/watch.ts';
import { whereHandlers } from '../../src/ui/state/where.ts';
import { MountedUi } from './fixtures/mount.tsx';
import { keysMarkdown } from './keys-doc.ts';

const HANDLERS: Partial<Record<KeyScope, object>> = {
  pick: pickHandlers,
  where: whereHandlers,
  watch: watchHandlers,
  path: pathHandlers,
  trace: traceHandlers,
  packets: packetsHandlers,
  rules: rulesHandlers,
  diff: diffHandlers,
  topology: topologyHandlers,
  explain: explainHandlers,
};

describe('the key table', () => {
  it('has a handler for each action of a screen, and no handler is without its key', () => {
    for (const [scope, handlers] of Object.entries(HANDLERS)) {
      const actions = new Set(bindingsOf(scope as KeyScope).map((row) => row.action));
      expect(new Set(Object.keys(handlers)), scope).toEqual(actions);
    }
  });

  it('binds no key twice within a scope', () => {
    for (const scope of new Set(KEYS.map((row) => row.scope))) {
      const keys = bindingsOf(scope).flatMap((row) => row.keys);
      expect(new Set(keys).size, scope).toBe(keys.length);
    }
  });

  it('lets no screen hide the ways out: back, help and quit', async () => {
    const ui = new MountedUi();
    const always: readonly (readonly [string, string])[] = [
      ['esc', 'back'],
      ['?', 'help'],
      ['q', 'quit'],
      ['ctrl+c', 'quit'],
    ];
    const check = (): void => {
      for (const [key, action] of always) expect(lookUp(scopesOf(ui.store.state), key)?.action, `${ui.screen.kind} ${key}`).toBe(action);
    };
    check();
    await ui.press('enter');
    check();
    await ui.press('enter');
    check();
    for (const key of ['enter', 'p']) {
      await ui.press(key);
      check();
    }
    await ui.press('esc', 'esc', 'e');
    check();
    await ui.press('esc', 'esc', 't');
    expect(ui.screen.kind).toBe('topology');
    check();
    await ui.close();
  });

  it('says what each key does, in words that fit the help screen of 80 columns', () => {
    for (const row of KEYS as readonly KeyBinding[]) {
      expect(row.words).not.toBe('');
      expect(row.words.length, row.words).toBeLessThanOrEqual(160);
    }
  });

  it('is what docs/keys.md shows', async () => {
    await expect(keysMarkdown()).toMatchFileSnapshot('../../docs/keys.md');
  });
});
