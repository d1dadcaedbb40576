/**
 * The one table of keys: the dispatcher looks keys up here, the footer and the help screen print it, docs/keys.md is checked
 * against it. A key that is not here does nothing.
 */

/** Where a binding holds. `list` holds on every screen that shows rows, `any` wherever no text is typed, `all` always. */
export type KeyScope =
  | 'pick'
  | 'where'
  | 'timeline'
  | 'watch'
  | 'path'
  | 'trace'
  | 'packets'
  | 'rules'
  | 'diff'
  | 'topology'
  | 'explain'
  | 'text'
  | 'help'
  | 'events'
  | 'field'
  | 'prompt'
  | 'list'
  | 'any'
  | 'all';

export interface KeyBinding {
  readonly scope: KeyScope;
  /** Names as key-names.ts gives them; several keys may do the same. */
  readonly keys: readonly string[];
  readonly action: string;
  /** What it does, for the help screen. */
  readonly words: string;
  /** A word or two for the footer; absent where the footer does not show it. Earlier rows win where the footer is short. */
  readonly footer?: string;
  /** What the footer shows for the key, where another one does the opposite. */
  readonly footerKeys?: string;
}

export const KEYS = [
  {
    scope: 'pick',
    keys: ['enter'],
    action: 'capture',
    words: 'capture the traffic of the container, or of all that are marked',
    footer: 'capture',
  },
  { scope: 'pick', keys: ['space'], action: 'mark', words: 'mark the container, to capture several at once', footer: 'mark several' },
  { scope: 'pick', keys: ['/'], action: 'filter', words: 'show only the containers whose row holds all of the words', footer: 'filter' },
  {
    scope: 'pick',
    keys: ['t'],
    action: 'topology',
    words: 'the topology: a picture of containers, cables, bridges, the host and its ways out',
    footer: 'topology',
  },
  {
    scope: 'pick',
    keys: ['x'],
    action: 'explain',
    words: 'explain a path: what would happen to a packet, without traffic',
    footer: 'explain a path',
  },
  { scope: 'pick', keys: ['o'], action: 'open', words: 'open a saved session, or any pcap or pcapng file', footer: 'open a saved session' },
  { scope: 'pick', keys: ['b'], action: 'back-to-capture', words: 'go back to the capture that runs in the background' },

  {
    scope: 'where',
    keys: ['enter'],
    action: 'start',
    words: 'start to capture at the chosen place, or at all that are marked',
    footer: 'start',
  },
  { scope: 'where', keys: ['right', 'l', 'down', 'j'], action: 'further-out', words: 'choose a place further out', footer: 'further out' },
  { scope: 'where', keys: ['left', 'h', 'up', 'k'], action: 'closer', words: 'choose a place closer to the container', footer: 'closer' },
  {
    scope: 'where',
    keys: ['space'],
    action: 'mark',
    words: "mark the place, to capture at several at once and see each flow's trail",
    footer: 'mark several',
  },
  { scope: 'where', keys: ['a'], action: 'mark-all', words: 'mark all places, or none', footer: 'all' },
  {
    scope: 'where',
    keys: ['t'],
    action: 'to',
    words: 'name a destination (container, address, host, outside): all places along the way to it are marked',
    footer: 'all along the way to',
  },
  { scope: 'where', keys: ['f'], action: 'edit-filter', words: 'edit the capture filter (pcap-filter syntax)', footer: 'filter' },
  {
    scope: 'where',
    keys: ['s'],
    action: 'toggle-saving',
    words: 'save to the file from the first packet on, or not',
    footer: 'save or not',
  },
  { scope: 'where', keys: ['e'], action: 'edit-file', words: 'edit the name of the file', footer: 'file name' },

  { scope: 'watch', keys: ['enter'], action: 'path', words: 'the path of the flow: every rule that it met', footer: 'path' },
  {
    scope: 'watch',
    keys: ['w'],
    action: 'why-not',
    words: 'why not others: the rules that were asked and did not match',
    footer: 'why not',
  },
  { scope: 'watch', keys: ['p'], action: 'packets', words: 'the last packets of the flow, with a hex view', footer: 'packets' },
  {
    scope: 'watch',
    keys: ['s'],
    action: 'save',
    words: 'save to a file from now on, or stop saving; after the end, save what memory holds',
    footer: 'save',
  },
  {
    scope: 'watch',
    keys: ['/'],
    action: 'search',
    words: 'show only the flows that a display filter finds: words, or verdict:drop port:80 (tab completes)',
    footer: 'filter',
  },
  {
    scope: 'watch',
    keys: ['R'],
    action: 'rules',
    words: 'what each rule met: its packets, bytes and flows, most packets first',
    footer: 'rules',
  },
  { scope: 'watch', keys: ['z'], action: 'freeze', words: 'freeze the screen, or let it run again; the capture goes on', footer: 'freeze' },
  {
    scope: 'watch',
    keys: ['f'],
    action: 'capture-filter',
    words: 'change the capture filter (pcap-filter syntax)',
    footer: 'capture filter',
  },
  {
    scope: 'watch',
    keys: ['o'],
    action: 'sort',
    words: 'sort by the next: first, last, packets, bytes, round-trip time, verdict, name',
    footer: 'sort',
  },
  { scope: 'watch', keys: ['r'], action: 'reverse', words: 'reverse the order', footer: 'reverse' },
  { scope: 'watch', keys: ['c'], action: 'columns', words: 'show other columns: standard, traffic, addresses', footer: 'columns' },
  {
    scope: 'watch',
    keys: ['S'],
    action: 'save-memory',
    words: 'save what memory still holds; behind the name `| 5m dropped flow matching headers` (any of them) for a part',
  },
  {
    scope: 'watch',
    keys: ['e'],
    action: 'events',
    words: 'what happened during the capture: rules changed, an interface went away',
    footer: 'events',
  },
  {
    scope: 'watch',
    keys: ['t'],
    action: 'topology',
    words: 'the topology, with what moves and what is dropped on its links',
    footer: 'topology',
  },
  {
    scope: 'watch',
    keys: ['D'],
    action: 'diff',
    words: 'on a file opened with other rules (--iptables, --host …): flows whose verdict differs, with the rule before and after',
    footer: 'changed verdicts',
  },
  { scope: 'watch', keys: ['X'], action: 'stop', words: 'stop the capture; the table stays' },

  {
    scope: 'timeline',
    keys: ['space'],
    action: 'play',
    words: 'play the session, or pause; from its start where it is at its end',
    footer: 'play',
  },
  { scope: 'timeline', keys: [']'], action: 'step-on', words: 'one column of the time bar on', footer: 'step', footerKeys: '[ ]' },
  { scope: 'timeline', keys: ['['], action: 'step-back', words: 'one column of the time bar back' },
  { scope: 'timeline', keys: ['.'], action: 'next-packet', words: 'to the next packet' },
  {
    scope: 'timeline',
    keys: [')'],
    action: 'next-drop',
    words: 'to the next packet that was dropped or refused',
    footer: 'drops',
    footerKeys: '( )',
  },
  { scope: 'timeline', keys: ['('], action: 'drop-before', words: 'to the one before that was dropped or refused' },
  {
    scope: 'timeline',
    keys: ['}'],
    action: 'next-change',
    words: 'to the next change of rules, of the host or of a verdict',
    footer: 'change',
    footerKeys: '{ }',
  },
  { scope: 'timeline', keys: ['{'], action: 'change-before', words: 'to the change before' },
  { scope: 'timeline', keys: ['>', '+'], action: 'faster', words: 'play faster' },
  { scope: 'timeline', keys: ['<', '-'], action: 'slower', words: 'play slower' },
  { scope: 'timeline', keys: ['0'], action: 'start', words: 'to the start of the session' },
  { scope: 'timeline', keys: ['$'], action: 'end', words: 'to its end, where all of it is shown' },

  {
    scope: 'path',
    keys: ['left', 'right'],
    action: 'direction',
    words: 'the other direction: the packet there, or the reply',
    footer: 'other direction',
  },
  { scope: 'path', keys: ['w'], action: 'why-not', words: 'show or hide the rules that were asked and did not match', footer: 'why not' },
  { scope: 'path', keys: ['p'], action: 'packets', words: 'the last packets of the flow, with a hex view', footer: 'packets' },
  {
    scope: 'path',
    keys: ['t'],
    action: 'trace',
    words: "the kernel's own trace of its packets beside the prediction; asks first, as it adds rules of its own",
    footer: 'trace',
  },
  {
    scope: 'path',
    keys: ['e'],
    action: 'as-text',
    words: 'the path as plain text, also copied to the clipboard where the terminal allows it',
    footer: 'copy as text',
  },

  {
    scope: 'trace',
    keys: ['y'],
    action: 'begin',
    words: 'begin the trace: rules of its own are added and vanish with it',
    footer: 'trace',
  },
  { scope: 'trace', keys: ['n'], action: 'refuse', words: 'leave it, before it has begun', footer: 'leave it' },
  {
    scope: 'trace',
    keys: ['left', 'right'],
    action: 'direction',
    words: 'the other direction: the packet there, or the reply',
    footer: 'other direction',
  },

  {
    scope: 'packets',
    keys: ['tab'],
    action: 'switch-pane',
    words: 'scroll the list, or the layers and bytes of the packet',
    footer: 'list or bytes',
  },
  { scope: 'packets', keys: ['x'], action: 'hex', words: 'show or hide the bytes in hex', footer: 'hex' },
  { scope: 'packets', keys: ['r'], action: 'reload', words: 'read the newest packets of the flow again', footer: 'reload' },

  {
    scope: 'rules',
    keys: ['enter'],
    action: 'flows',
    words: 'the flows that the rule decides; where it decides about none, those that match it on their way',
    footer: 'its flows',
  },
  {
    scope: 'rules',
    keys: ['m'],
    action: 'matching',
    words: 'all flows that match it on their way, also where it decides nothing',
    footer: 'all that match',
  },
  { scope: 'rules', keys: ['o'], action: 'sort', words: 'sort by the next: packets, bytes, flows, chain and number', footer: 'sort' },
  { scope: 'rules', keys: ['u'], action: 'unused', words: 'also show rules that no packet met, or hide them', footer: 'unmet rules' },

  { scope: 'diff', keys: ['enter'], action: 'path', words: 'the path of the flow by the other rules', footer: 'path' },
  {
    scope: 'diff',
    keys: ['e'],
    action: 'as-text',
    words: 'all of it as plain text, as vethscope diff prints it, also copied to the clipboard',
    footer: 'copy as text',
  },

  {
    scope: 'topology',
    keys: ['enter'],
    action: 'capture',
    words: 'capture at what is selected: a container, a cable, a bridge, a way out',
    footer: 'capture here',
  },
  {
    scope: 'topology',
    keys: ['i'],
    action: 'details',
    words: 'all that is known of it: addresses, MTU, settings, the rules that name it',
    footer: 'details',
  },
  {
    scope: 'topology',
    keys: ['space'],
    action: 'mark',
    words: 'mark it as A, and another one as B, to explain the path between them',
    footer: 'mark',
  },
  {
    scope: 'topology',
    keys: ['x'],
    action: 'explain',
    words: 'explain the path from A to B, or from A to what is selected',
    footer: 'explain',
  },
  { scope: 'topology', keys: ['/'], action: 'search', words: 'search for a name, an address, an interface', footer: 'search' },
  {
    scope: 'topology',
    keys: ['f'],
    action: 'fold',
    words: 'fold what is plugged into the bridge into one row, or unfold it',
    footer: 'fold',
  },
  { scope: 'topology', keys: ['F'], action: 'fold-all', words: 'fold all, or unfold all' },
  { scope: 'topology', keys: ['n'], action: 'next-found', words: 'to the next one that the search has found' },
  { scope: 'topology', keys: ['N'], action: 'found-before', words: 'to the one before that the search has found' },
  { scope: 'topology', keys: ['left', 'h'], action: 'left', words: 'to what stands to the left' },
  { scope: 'topology', keys: ['right', 'l'], action: 'right', words: 'to what stands to the right' },

  { scope: 'explain', keys: ['enter'], action: 'ask', words: 'explain what would happen to such a packet', footer: 'explain' },
  {
    scope: 'explain',
    keys: ['tab', 'down'],
    action: 'next-field',
    words: 'complete the name, or go to the next field',
    footer: 'complete, next field',
  },
  { scope: 'explain', keys: ['shift+tab', 'up'], action: 'previous-field', words: 'go to the field before', footer: 'field before' },
  { scope: 'explain', keys: ['esc'], action: 'back', words: 'back to the screen before', footer: 'back' },

  { scope: 'prompt', keys: ['enter'], action: 'accept', words: 'take the text', footer: 'ok' },
  { scope: 'prompt', keys: ['esc'], action: 'cancel', words: 'leave the text as it was', footer: 'cancel' },
  {
    scope: 'prompt',
    keys: ['tab'],
    action: 'complete',
    words: 'complete the name of a file, a field or a value of a filter',
    footer: 'complete',
  },

  { scope: 'field', keys: ['left', 'ctrl+b'], action: 'left', words: 'one character to the left' },
  { scope: 'field', keys: ['right', 'ctrl+f'], action: 'right', words: 'one character to the right' },
  { scope: 'field', keys: ['home', 'ctrl+a'], action: 'start', words: 'to the start of the text' },
  { scope: 'field', keys: ['end', 'ctrl+e'], action: 'end', words: 'to the end of the text' },
  { scope: 'field', keys: ['backspace'], action: 'erase', words: 'erase the character to the left' },
  { scope: 'field', keys: ['delete', 'ctrl+d'], action: 'erase-right', words: 'erase the character to the right' },
  { scope: 'field', keys: ['ctrl+w'], action: 'erase-word', words: 'erase the word to the left' },
  { scope: 'field', keys: ['ctrl+u'], action: 'erase-all', words: 'erase everything to the left' },

  { scope: 'list', keys: ['up', 'k'], action: 'up', words: 'one row up' },
  { scope: 'list', keys: ['down', 'j'], action: 'down', words: 'one row down' },
  { scope: 'list', keys: ['pageup', 'ctrl+b'], action: 'page-up', words: 'one page up' },
  { scope: 'list', keys: ['pagedown', 'ctrl+f'], action: 'page-down', words: 'one page down' },
  { scope: 'list', keys: ['home', 'g'], action: 'first', words: 'to the first row' },
  { scope: 'list', keys: ['end', 'G'], action: 'last', words: 'to the last row' },

  { scope: 'any', keys: ['esc', 'backspace'], action: 'back', words: 'back to the screen before', footer: 'back' },
  { scope: 'any', keys: ['?'], action: 'help', words: 'this help', footer: 'help' },
  { scope: 'any', keys: ['q'], action: 'quit', words: 'quit; what runs is stopped, files are closed', footer: 'quit' },

  { scope: 'all', keys: ['ctrl+c'], action: 'quit', words: 'quit at once, from anywhere' },
  { scope: 'all', keys: ['f1'], action: 'help', words: 'this help, also while typing' },
  { scope: 'all', keys: ['ctrl+l'], action: 'redraw', words: 'draw the screen anew' },
] as const satisfies readonly KeyBinding[];

type Row = (typeof KEYS)[number];

/** The actions of a scope, as a union of their names: handlers are checked against it. */
export type ActionOf<S extends KeyScope> = Extract<Row, { readonly scope: S }>['action'];

export const bindingsOf = (scope: KeyScope): readonly KeyBinding[] => KEYS.filter((row) => row.scope === scope);

/** The action of `key` in the first of `scopes` that binds it. */
export const lookUp = (scopes: readonly KeyScope[], key: string): { readonly scope: KeyScope; readonly action: string } | null => {
  for (const scope of scopes) {
    const row = (KEYS as readonly KeyBinding[]).find((binding) => binding.scope === scope && binding.keys.includes(key));
    if (row !== undefined) return { scope, action: row.action };
  }
  return null;
};

/** What the scopes are called on the help screen and in docs/keys.md. */
export const SCOPE_TITLES: Readonly<Record<KeyScope, string>> = {
  pick: 'Pick a container',
  where: 'Where to capture',
  watch: 'Watch',
  timeline: 'Watch a saved session',
  path: 'Path of a packet',
  trace: "The kernel's trace",
  packets: 'Packets of a flow',
  rules: 'What each rule met',
  diff: 'Changed verdicts',
  topology: 'Topology',
  explain: 'Explain a path',
  text: 'Plain text',
  help: 'Help',
  events: 'Events',
  field: 'While typing',
  prompt: 'A line to fill in',
  list: 'Rows',
  any: 'Everywhere but while typing',
  all: 'Everywhere',
};
