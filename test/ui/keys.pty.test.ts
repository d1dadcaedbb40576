/** Every key of the key table, pressed in a real terminal. A new row in the table fails here until it has its expectation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActionOf, bindingsOf, type KeyScope, SCOPE_TITLES } from '../../src/ui/keys.ts';
import { type BuiltProgram, buildProgram } from './fixtures/build.ts';
import { PtyUi } from './fixtures/pty.ts';

/** What terminals send for a key's name. */
const SEQUENCES: Readonly<Record<string, string>> = {
  enter: '\r',
  esc: '\u001b',
  tab: '\t',
  'shift+tab': '\u001b[Z',
  space: ' ',
  backspace: '\u007f',
  delete: '\u001b[3~',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  home: '\u001b[H',
  end: '\u001b[F',
  pageup: '\u001b[5~',
  pagedown: '\u001b[6~',
  f1: '\u001bOP',
};

const sent = (key: string): string => {
  const known = SEQUENCES[key];
  if (known !== undefined) return known;
  const control = /^ctrl\+([a-z])$/.exec(key);
  return control === null ? key : String.fromCharCode((control[1] as string).charCodeAt(0) - 0x60);
};

interface Expectation {
  /** From the picker to where the key is pressed: keys, each with what must be seen before the next. */
  readonly before: readonly (readonly [keys: string, mark: string | RegExp])[];
  readonly mark: string | RegExp | 'exit';
}

const at = (before: Expectation['before'], mark: Expectation['mark']): Expectation => ({ before, mark });

type Step = readonly [string, string | RegExp];

const WHERE: Step = ['\r', 'where to capture web1'];
const WATCH: Step[] = [WHERE, ['\r', 'watch']];
const PATH: Step[] = [...WATCH, ['\r', '◀ decides']];
const PACKETS: Step[] = [...WATCH, ['p', 'packet 12 of 12']];
const TRACE: Step[] = [...PATH, ['t', 'adds rules of its own']];
const PICTURE: Step = ['t', /▸ {2}web1 .* veth9e3c2b6 .*┤/];
const EXPLAIN: Step = ['x', 'What would happen'];
const REPLAY: Step[] = [
  ['o', 'open captures/▏'],
  ['x.pcapng\r', '5.00 s of 10.00 s'],
];
const RULES: Step[] = [...WATCH, ['R', '28 packets followed through the rules']];
const DIFF: Step[] = [...REPLAY, ['D', /2 of 7 flows change/]];
const SEARCH: Step[] = [...WATCH, ['/', ' / ▏']];
/** The open prompt with `captures/` in it, which the keys of a field act on. */
const FIELD: Step = ['o', 'open captures/▏'];
const pointerOn = (name: string): RegExp => new RegExp(`^▸.?${name}`, 'm');

const EXPECTED: { readonly [S in KeyScope]: Readonly<Record<ActionOf<S>, Expectation>> } = {
  pick: {
    capture: at([], 'where to capture web1'),
    mark: at([], '1 marked'),
    filter: at([], ' / ▏'),
    topology: at([], /▸ {2}web1 .* veth9e3c2b6 .*┤/),
    explain: at([], 'What would happen'),
    open: at([], 'open captures/▏'),
    'back-to-capture': at([...WATCH, ['\u001b', 'b goes back to it']], 'watch'),
  },
  where: {
    start: at([WHERE], 'live 00:4'),
    'further-out': at([WHERE], /▸ br-4a09bab7ac26 /),
    closer: at([WHERE, ['\u001b[C', /▸ br-4a09bab7ac26 /]], /▸ veth9e3c2b6 /),
    mark: at([WHERE], '1 marked: enter captures it'),
    'mark-all': at([WHERE], 'enter captures them together'),
    to: at([WHERE], 'all along the way from web1 to ▏'),
    'edit-filter': at([WHERE], 'filter icmp or icmp6 or tcp or arp▏'),
    'toggle-saving': at([WHERE], /save to {2}captures\/web1/),
    'edit-file': at([WHERE], 'save to captures/web1-20261121-0314.pcapng▏'),
  },
  watch: {
    path: at(WATCH, '◀ decides'),
    'why-not': at(WATCH, '✗ addrtype --dst-type LOCAL'),
    packets: at(WATCH, 'packet 12 of 12'),
    save: at(WATCH, 'save to captures/web1-20261121-0314.pcapng▏'),
    freeze: at(WATCH, 'FROZEN'),
    search: at(WATCH, ' / ▏'),
    'capture-filter': at(WATCH, 'capture filter icmp or icmp6 or tcp or arp▏'),
    sort: at(WATCH, 'by last packet, descending'),
    reverse: at(WATCH, 'by first packet, descending'),
    columns: at(WATCH, 'MIN RTT'),
    'save-memory': at(WATCH, 'save what memory holds to captures/web1'),
    rules: at(WATCH, '28 packets followed through the rules'),
    diff: at(WATCH, 'only a saved session is judged by other rules'),
    events: at(WATCH, 'capturing on veth9e3c2b6'),
    topology: at(WATCH, /●▸veth9e3c2b6/),
    stop: at(WATCH, 'ended'),
  },
  timeline: {
    play: at(REPLAY, 'playing'),
    'step-on': at(REPLAY, '5.10 s of 10.00 s'),
    'step-back': at(REPLAY, '4.90 s of 10.00 s'),
    'next-packet': at(REPLAY, '6.00 s of 10.00 s'),
    'next-change': at(REPLAY, '7.00 s of 10.00 s'),
    'change-before': at(REPLAY, '3.00 s of 10.00 s'),
    'next-drop': at(REPLAY, '8.00 s of 10.00 s'),
    'drop-before': at(REPLAY, '2.00 s of 10.00 s'),
    faster: at(REPLAY, 'speed 2'),
    slower: at(REPLAY, 'speed 0.5'),
    start: at(REPLAY, '0.00 s of 10.00 s'),
    end: at(REPLAY, 'at the end'),
  },
  path: {
    direction: at([...WATCH, ['j', pointerOn(' web1 → out')], ['\r', 'MASQUERADE']], 'the reply'),
    'why-not': at(PATH, '✗ addrtype --dst-type LOCAL'),
    packets: at(PATH, 'packet 12 of 12'),
    'as-text': at(PATH, 'copied to the clipboard'),
    trace: at(PATH, 'adds rules of its own to the kernel'),
  },
  trace: {
    begin: at(TRACE, 'Waiting for the next packet'),
    refuse: at(TRACE, '◀ decides'),
    direction: at(TRACE, 'the reply'),
  },
  packets: {
    'switch-pane': at(PACKETS, 'scrolling here'),
    hex: at([...PACKETS, ['\t', 'scrolling here'], ['G', /0050 {2}/]], (() => /^(?![\s\S]*0050 {2})/)()),
    reload: at(PACKETS, 'these are the newest packets'),
  },
  rules: {
    flows: at([...RULES, ['jjj', /▸.*DOCKER-ISO/]], 'only rule:filter/DOCKER-ISOLATION-STAGE-2#1'),
    matching: at([...RULES, ['j', /▸.*FORWARD #1/]], 'only step:'),
    sort: at(RULES, 'by bytes, descending'),
    unused: at(RULES, /IPv6 filter INPUT/),
  },
  diff: {
    path: at(DIFF, '◀ decides'),
    'as-text': at(DIFF, 'copied to the clipboard'),
  },
  topology: {
    capture: at([PICTURE], 'where to capture web1'),
    details: at([PICTURE], 'veth veth9e3c2b6 of the host'),
    mark: at([PICTURE], /▸A web1/),
    explain: at([PICTURE], /SRC +web1/),
    search: at([PICTURE], ' / ▏'),
    'next-found': at([PICTURE, ['/', ' / ▏'], ['multi\r', /▸ {2}multi/]], '4 found'),
    'found-before': at([PICTURE, ['/', ' / ▏'], ['multi\r', /▸ {2}multi/]], '4 found'),
    fold: at([PICTURE], /▸ {2}\[\+\] 2 plugged in/),
    'fold-all': at([PICTURE], /test_net1 +├[\s\S]*test_net2 +├/),
    left: at([PICTURE, ['\u001b[C', /▸veth9e3c2b6/]], /▸ {2}web1/),
    right: at([PICTURE], /▸veth9e3c2b6/),
  },
  explain: {
    ask: at([EXPLAIN, ['web2', 'web2▏']], '◀ decides'),
    'next-field': at([EXPLAIN], /▸ PROTO/),
    'previous-field': at([EXPLAIN], /▸ SRC/),
    back: at([EXPLAIN], 'vethscope · docker'),
  },
  text: {} as never,
  help: {} as never,
  events: {} as never,
  prompt: {
    accept: at([...SEARCH, ['masq', / \/ masq▏/]], 'only masq'),
    cancel: at([...SEARCH, ['masq', / \/ masq▏/]], /by first packet/),
    complete: at(
      [
        ['o', 'open captures/▏'],
        ['\u0015', 'open ▏'],
        ['package-l', 'package-l▏'],
      ],
      'open package-lock.json▏',
    ),
  },
  field: {
    left: at([FIELD], 'captures▏/'),
    right: at([FIELD, ['\u001b[D', 'captures▏/']], 'captures/▏'),
    start: at([FIELD], 'open ▏captures/'),
    end: at([FIELD, ['\u001b[H', 'open ▏captures/']], 'captures/▏'),
    erase: at([FIELD], 'open captures▏'),
    'erase-right': at([FIELD, ['\u001b[H', 'open ▏captures/']], 'open ▏aptures/'),
    'erase-word': at([FIELD], 'open ▏'),
    'erase-all': at([FIELD], 'open ▏'),
  },
  list: {
    up: at([['\u001b[B', pointerOn(' web2')]], pointerOn(' web1')),
    down: at([], pointerOn(' web2')),
    'page-up': at([['\u001b[F', pointerOn(' many-59')]], pointerOn(' many-3')),
    'page-down': at([], pointerOn(' many-1')),
    first: at([['\u001b[F', pointerOn(' many-59')]], pointerOn(' web1')),
    last: at([], pointerOn(' many-59')),
  },
  any: {
    back: at([WHERE], 'vethscope · docker'),
    help: at([], 'vethscope · help'),
    quit: at([WHERE], 'exit'),
  },
  all: {
    quit: at([['/', ' / ▏']], 'exit'),
    help: at([['/', ' / ▏']], 'vethscope · help'),
    redraw: at([], 'vethscope · docker'),
  },
};

const HOME = (text: string): boolean =>
  text.includes('vethscope · docker 28.5.2') && text.includes('/ filters') && !text.includes('marked');

/** Back to the picker from wherever a key has led. */
const goHome = async (ui: PtyUi): Promise<void> => {
  for (let presses = 0; presses < 8; presses++) {
    const { text } = ui;
    if (HOME(text) && !text.includes('▏')) break;
    ui.press('\u001b');
    await ui.see((now) => now !== text);
  }
  ui.press('g');
  await ui.see(pointerOn(' web1'));
};

describe('every key of the key table', () => {
  let program: BuiltProgram;
  beforeAll(() => {
    program = buildProgram();
  });
  afterAll(() => program.remove());

  for (const scope of Object.keys(SCOPE_TITLES) as KeyScope[]) {
    if (bindingsOf(scope).length === 0) continue;
    it(`does on the screen "${SCOPE_TITLES[scope]}" what the table says`, { timeout: 120_000 }, async () => {
      const start = (): PtyUi =>
        new PtyUi([process.execPath, program.path, JSON.stringify({ containers: 60, otherRules: scope === 'diff' })]);
      let ui = start();
      try {
        for (const row of bindingsOf(scope)) {
          const expected = (EXPECTED[scope] as Readonly<Record<string, Expectation | undefined>>)[row.action];
          expect(expected, `${scope} ${row.action} has no expectation`).toBeDefined();
          if (expected === undefined) continue;
          for (const key of row.keys) {
            await ui.see(HOME);
            for (const [keys, mark] of expected.before) {
              ui.press(keys);
              await ui.see(mark);
            }
            ui.press(sent(key));
            if (expected.mark === 'exit') {
              expect(await ui.exited(), `${scope} ${key}`).toBe(0);
              ui = start();
              continue;
            }
            await ui.see(expected.mark).catch((error: unknown) => {
              throw new Error(`${scope}: ${key} should ${row.words}`, { cause: error });
            });
            await goHome(ui);
          }
        }
      } finally {
        ui.end();
      }
    });
  }
});
