/** Commands load what they need: nothing of the UI, which takes longer than most of them altogether, and no captures for a list. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeLab } from '../lab/root.ts';
import { PtyUi } from '../ui/fixtures/pty.ts';
import { MAIN, shell, vethscope } from './process.ts';

const DIST = join(MAIN, '..');
const SESSION = 'captures/samples/isolation-drop-28.5.pcapng';
const SNAPSHOT = 'test/fixtures/snapshots/scene-28.5.json';
/** What elements are in React, and in Ink. */
const MARKS = ['react.transitional.element', 'ink-box'];

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

/** V8 itself lists the scripts of each process, when that ends; `NODE_V8_COVERAGE` of node(1). */
let folder: string;
let ofUi: string[];

const filesWith = (marks: readonly string[]): string[] =>
  readdirSync(DIST, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .filter((name) => marks.some((mark) => readFileSync(join(DIST, name), 'utf8').includes(mark)));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vethscope-loaded-'));
  ofUi = filesWith(MARKS);
});

afterAll(() => rmSync(folder, { recursive: true }));

const witness = (name: string): Record<string, string> => ({ NODE_V8_COVERAGE: join(folder, name) });

/** Files of dist, by main and by what it started. */
const loadedIn = (name: string): string[] => {
  const reports = readdirSync(join(folder, name)).map((file) => JSON.parse(readFileSync(join(folder, name, file), 'utf8')) as Coverage);
  const urls = reports.flatMap(({ result }) => result.map(({ url }) => url)).filter((url) => url.startsWith('file:'));
  return urls.map((url) => fileURLToPath(url)).flatMap((path) => (path.startsWith(DIST + sep) ? [path.slice(DIST.length + 1)] : []));
};

const expectNothingOfUi = (name: string): void => {
  const loaded = loadedIn(name);
  expect(loaded).toContain('main.js');
  expect(loaded.filter((file) => ofUi.includes(file))).toEqual([]);
};

describe('the files that are loaded', () => {
  it('hold Ink and React where the UI runs, so that they would be seen', async () => {
    expect(ofUi.length).toBeGreaterThan(0);
    const ui = new PtyUi([process.execPath, MAIN, '--open', SESSION], { env: witness('ui') });
    await ui.see('FLOW');
    ui.press('q');
    await ui.exited();
    expect(loadedIn('ui')).toEqual(expect.arrayContaining(ofUi));
  });

  it.each([
    ['--version'],
    ['--help'],
    ['read --help'],
    [`--host ${SNAPSHOT} list`],
    [`--host ${SNAPSHOT} explain web1 web2 icmp`],
    [`read ${SESSION}`],
    [`read ${SESSION} --json --packets`],
  ])('hold nothing of the UI with %s', async (words) => {
    const { code, stdout } = await vethscope(words.split(' '), { env: witness(words.replaceAll('/', '.')) });
    expect({ code, isSilent: stdout === '' }).toEqual({ code: 0, isSilent: false });
    expectNothingOfUi(words.replaceAll('/', '.'));
  });

  it('hold captures where one is read, and what unpacks and anonymises them only where that is to be done', async () => {
    const [captures, special] = [filesWith(['var FileCapture = ']), filesWith(['var ZstdUnpacker = ', 'var createAnonymiser = '])];
    expect(captures.length).toBe(1);
    expect(special.length).toBe(2);
    await vethscope(['--host', SNAPSHOT, 'list'], { env: witness('list') });
    expect(loadedIn('list').filter((file) => captures.includes(file))).toEqual([]);
    await vethscope(['read', SESSION], { env: witness('read') });
    expect(loadedIn('read')).toEqual(expect.arrayContaining(captures));
    expect(loadedIn('read').filter((file) => special.includes(file))).toEqual([]);
  });

  it('hold nothing of the UI where its options are wrong, and without a terminal', async () => {
    expect((await vethscope([], { env: witness('no terminal') })).code).toBe(2);
    expectNothingOfUi('no terminal');
  });
});

describeLab('the files that a capture loads', () => {
  it('hold nothing of the UI, in none of its processes', async () => {
    const capture = 'capture lo --duration 1 --docker-host unix:///nowhere';
    const { code, stderr } = await shell(
      `NODE_V8_COVERAGE=${join(folder, 'capture')} unshare -n sh -c 'ip link set lo up; exec "$0" "$1" ${capture}' "$NODE" "$MAIN"`,
    );
    expect(stderr).toContain('listening on lo');
    expect(code).toBe(0);
    expectNothingOfUi('capture');
    expect(loadedIn('capture')).toContain(join('agent', 'main.js'));
  });
});
