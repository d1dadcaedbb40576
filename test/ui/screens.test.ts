/** What the screens say. How they get to a terminal is the business of the tests in a pseudo-terminal. */
import { afterEach, describe, expect, it } from 'vitest';
import { MIN_COLUMNS, MIN_ROWS } from '../../src/ui/app.tsx';
import { displayWidth } from '../../src/ui/text.ts';
import { DROP_RULE, fixtureRows, numberedRow } from './fixtures/flows.ts';
import { fixtureHost } from './fixtures/host.ts';
import { MountedUi, type MountOptions, settled } from './fixtures/mount.tsx';
import { FixtureWorkspace } from './fixtures/workspace.ts';

let ui: MountedUi;

const open = (options: MountOptions = {}): MountedUi => {
  ui = new MountedUi(options);
  return ui;
};

const watching = async (options: MountOptions = {}): Promise<MountedUi> => {
  open(options);
  await ui.press('enter', 'enter');
  expect(ui.screen.kind).toBe('watch');
  return ui;
};

afterEach(async () => {
  expect(ui.failures).toEqual([]);
  await ui.close();
});

describe('the picker', () => {
  it('shows each container with its network, address and interface, whatever its network mode', () => {
    open({ columns: 140, rows: 40 });
    expect(ui.lines[0]).toContain('docker 28.5.2 · 8 containers · 2 networks · nft + legacy rules');
    expect(ui.text).toMatch(/▸ web1 +running +test_net1 +172\.18\.0\.2 +veth9e3c2b6 ▸ br-4a09 +lab\/busybox +\S+ 1\.2k\/s/);
    expect(ui.text).toMatch(/multi +running +test_net1 \+1 +172\.18\.0\.4 … +2 interfaces/);
    expect(ui.text).toMatch(/sidecar +running +container:web1 +\(shares web1\) +—/);
    expect(ui.text).toMatch(/hostmode +running +host +host's own +every host interface/);
    expect(ui.text).toMatch(/nonemode +running +none +— +no network: nothing to capture/);
    expect(ui.text).toMatch(/sleeper +exited/);
    expect(ui.text).not.toContain('\u001b');
  });

  it('leaves the image out at 80 columns and keeps name, state, network, address and interface', () => {
    open({ columns: 80, rows: 24 });
    expect(ui.text).not.toContain('IMAGE');
    expect(ui.text).toMatch(/web1 +running +test_net1 +172\.18\.0\.2 +veth9e3c2b6 ▸ br-4a09/);
  });

  it('says that the host is being read, and shows the containers when it has been', async () => {
    const workspace = new FixtureWorkspace({ late: true });
    open({ workspace });
    expect(ui.text).toContain('this host is being read');
    workspace.arrive();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(ui.text).toContain('web1');
  });

  it('tells what is wrong with the host in the title, and that a snapshot is one', () => {
    const workspace = new FixtureWorkspace({ late: true });
    workspace.arrive({ ...fixtureHost(), live: false, trouble: 'Docker does not answer' });
    open({ workspace });
    expect(ui.lines[0]).toContain('snapshot of h28');
    expect(ui.lines[0]).toContain('Docker does not answer');
  });

  it('cuts what is wrong where it is long, and never leaves it out', () => {
    const workspace = new FixtureWorkspace({ late: true });
    workspace.arrive({ ...fixtureHost(), trouble: `the connection to web is lost; ${'start again '.repeat(20)}` });
    open({ workspace, columns: 80, rows: 24 });
    expect(ui.lines[0]).toMatch(/vethscope · the connection to web is lost; start again .*…/);
  });

  it('filters while one types, by every word of the row, and esc brings all back', async () => {
    open();
    await ui.press('/');
    await ui.type('test_net2 web');
    expect(ui.text).toContain('1 found');
    expect(ui.text).toContain('web2');
    expect(ui.text).not.toContain('web1');
    await ui.press('esc');
    expect(ui.text).toContain('web1');
    await ui.press('/');
    await ui.type('nothing like it');
    await ui.press('enter');
    expect(ui.text).toContain('none of the 8 containers matches');
    await ui.press('esc');
    expect(ui.text).toContain('web1');
  });

  it('moves the selection while one types a filter', async () => {
    open();
    await ui.press('/');
    await ui.type('web');
    await ui.press('down', 'enter');
    expect(ui.selectedLine).toContain('web2');
  });

  it('captures several marked containers at once, each at its own interface', async () => {
    open();
    await ui.press('space', 'space', 'enter');
    expect(ui.workspace.log).toEqual(['capture veth9e3c2b6,veth0257723 engine=auto filter=icmp or icmp6 or tcp or arp save=null']);
    expect(ui.text).toContain('web1, web2');
    expect(ui.text).toContain('2 capture points');
  });

  it('says why there is nothing to capture', async () => {
    open();
    await ui.press('j', 'j', 'j', 'j', 'j');
    expect(ui.selectedLine).toContain('nonemode');
    await ui.press('enter');
    expect(ui.text).toContain('nonemode: it has no network: there is nothing to capture');
    await ui.press('j', 'enter');
    expect(ui.text).toContain('sleeper: it is not running: start it, then capture');
    expect(ui.workspace.log).toEqual([]);
  });

  it('keeps a running capture in sight when one comes back, and leads back to it', async () => {
    await watching();
    await ui.press('o', 'esc');
    expect(ui.screen.kind).toBe('pick');
    expect(ui.text).toContain('web1: 3,120 packets, b goes back to it');
    await ui.press('b');
    expect(ui.screen).toMatchObject({ kind: 'watch', sort: 'last' });
    expect(ui.workspace.captures).toHaveLength(1);
    expect(ui.workspace.captures[0]?.log).toEqual([]);
  });

  it('stops the capture in the background when another one is shown', async () => {
    await watching();
    await ui.press('esc', 'j', 'enter', 'enter');
    expect(ui.workspace.captures.map((capture) => capture.log)).toEqual([['stop'], []]);
    expect(ui.store.state.background).toBeNull();
  });

  it('opens a saved session, and says why one cannot be opened', async () => {
    open();
    await ui.press('o', 'ctrl+u');
    await ui.type('missing.pcapng');
    await ui.press('enter');
    expect(ui.text).toContain('cannot open missing.pcapng: no such file or directory');
    await ui.press('o', 'ctrl+u');
    await ui.type('demo.pcapng');
    await ui.press('enter');
    expect(ui.text).toContain('as of the cursor');
    expect(ui.text).toContain('DROP');
    await ui.press('esc', 'b');
    expect(ui.text).toContain('as of the cursor');
  });

  it('says so where there is no host but a saved session', async () => {
    open({ workspace: new FixtureWorkspace({ late: true }), file: 'demo.pcapng' });
    expect(ui.text).toContain('only a saved session is open here, no host');
    await ui.press('enter');
    expect(ui.screen.kind).toBe('pick');
    await ui.press('t');
    expect(ui.text).toContain('only a saved session is open here, no host');
  });
});

describe('where to capture', () => {
  it('draws the way out, the places on it and what each of them sees', async () => {
    open({ columns: 140, rows: 40 });
    await ui.press('enter');
    expect(ui.text).toMatch(
      /web1 eth0 172\.18\.0\.2 ──veth── \[veth9e3c2b6\] ──port── br-4a09bab7ac26 172\.18\.0\.1 ──.*── eth0 203\.0\.113\.1/,
    );
    expect(ui.text).toMatch(/▸ veth9e3c2b6 +veth +here: all of web1/);
    expect(ui.text).toMatch(/ br-4a09bab7ac26 +bridge +here: all of test_net1/);
    expect(ui.text).toMatch(/ eth0 +uplink +here: after translation/);
  });

  it('starts at the chosen place with the edited filter, saving to the edited file', async () => {
    open();
    await ui.press('enter', 'right', 'f', 'ctrl+u');
    await ui.type('tcp port 80');
    await ui.press('enter', 'e', 'ctrl+u');
    await ui.type('mine.pcapng');
    await ui.press('enter', 'enter');
    expect(ui.workspace.log).toEqual(['capture br-4a09bab7ac26 engine=auto filter=tcp port 80 save=mine.pcapng']);
    expect(ui.text).toContain('mine.pcapng');
  });

  it('saves nothing unless it was said', async () => {
    open();
    await ui.press('enter');
    expect(ui.text).toContain('nothing is saved');
    await ui.press('s');
    expect(ui.text).toContain('save to  captures/web1-20261121-0314.pcapng');
    await ui.press('s', 'enter');
    expect(ui.workspace.log[0]).toContain('save=null');
  });

  it('stays, with the reason, where the filter is wrong', async () => {
    open();
    await ui.press('enter', 'f', 'ctrl+u');
    await ui.type('nonsense');
    await ui.press('enter', 'enter');
    expect(ui.screen.kind).toBe('where');
    expect(ui.text).toContain('the filter nonsense is wrong: syntax error → see man pcap-filter');
  });

  it('shows one line for each network of a container', async () => {
    open();
    await ui.press('j', 'j', 'enter');
    expect(ui.text).toContain('multi eth0 172.18.0.4');
    expect(ui.text).toContain('multi eth1 198.18.20.4');
  });
});

describe('the flow table', () => {
  it('shows names, state, packets, verdict in words and what decided, and the answer in words', async () => {
    await watching({ columns: 140, rows: 40 });
    expect(ui.text).toMatch(/▸ web1 → web2 +icmp echo +12 sent 0 back +12 .* DROP +✓ \+12 +filter DOCKER-ISOLATION-STAGE-2 #1/);
    expect(ui.text).toMatch(/web1 → outside 203\.0\.113\.2 +icmp echo +8\/8 +16 .* 0\.16 ms ACCEPT/);
    expect(ui.text).toMatch(/outside → pub:8080 +tcp +established +14 .* ACCEPT/);
    expect(ui.text).toContain('UNDETERMINED');
    expect(ui.text).toContain('web1 and web2 are in different Docker networks');
    expect(ui.text).toContain(DROP_RULE);
    expect(ui.text).toContain('To let them talk: docker network connect test_net2 web1');
    expect(ui.text).toContain('Changed from ACCEPT to DROP: rules changed.');
  });

  it('shows what a display filter finds, completes it, and says what is wrong with one', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('/');
    await ui.type('verdict:d');
    await ui.press('tab');
    expect(ui.text).toContain('/ verdict:drop▏');
    expect(ui.text).toContain('web1 → web2');
    expect(ui.text).not.toContain('outside → pub:8080');
    // Half typed: what was found before stays.
    await ui.type(' container:');
    expect(ui.text).toContain('web1 → web2');
    await ui.press('tab');
    expect(ui.text).toMatch(/container:▏ .*web1 {2}web2/);
    await ui.press('enter');
    expect(ui.text).toContain('container needs a value');
    await ui.press('/', 'enter');
    expect(ui.text).toContain('only verdict:drop');
    await ui.press('esc');
    expect(ui.text).toContain('outside → pub:8080');
  });

  it.each([
    [80, /CONTRA\. /],
    [100, /CONTRA\. /],
    [140, /CONTRADICTED /],
  ])('says in a word where what was seen contradicts the verdict, at %i columns', async (columns, word) => {
    const [first, ...others] = fixtureRows();
    if (first?.verdict == null) throw new Error('no flow with a verdict');
    const contradiction = { kind: 'answered', text: 'An answer came.' } as const;
    await watching({ columns, rows: 24 });
    const capture = ui.workspace.captures[0];
    if (capture === undefined) throw new Error('nothing is captured');
    capture.rows = [{ ...first, verdict: { ...first.verdict, contradiction } }, ...others];
    capture.change({});
    await ui.press('ctrl+l');
    expect(ui.text).toMatch(word);
    expect(ui.text.match(/CONTRA/g)).toHaveLength(1);
  });

  it.each([80, 100, 120, 140])('names what decided whole before anything else, at %i columns', async (columns) => {
    await watching({ columns, rows: 40 });
    expect(ui.text).toMatch(/ (filter )?(DOCKER-ISOLATION-STAGE-2|DOCKER-…STAGE-2|DOCKER-\S*) #1/);
    for (const line of ui.lines.filter((each) => / (DNAT|MASQUERADE)/.test(each))) expect(line).toMatch(/ #\d+ · (DNAT|MASQ)/);
  });

  it('keeps help and the way out in the footer, and the keys that are used most', async () => {
    await watching({ columns: 80, rows: 24 });
    expect(ui.text).toContain('enter path · w why not · p packets · s save · / filter · esc back · ? help');
    await ui.press('enter');
    expect(ui.text).toMatch(/w why not · p packets · t trace .*esc back · \? help/);
  });

  it('says who lost what, and unknown where nobody can tell', async () => {
    await watching();
    expect(ui.text).toContain('lost: kernel unknown, engine 0, pipe 0');
    ui.workspace.captures[0]?.change({ lost: { kernel: 1234, engine: null, pipe: 0 } });
    await ui.press('down');
    expect(ui.text).toContain('lost: kernel 1,234, engine unknown, pipe 0');
  });

  it('shows rate, total, engine, filter and the file that is written', async () => {
    await watching({ columns: 140 });
    expect(ui.text).toMatch(/web1 · veth9e3c2b6 ▸ br-4a09 \(test_net1\) · live 00:4\d · 3,120 packets · 410\/s/);
    expect(ui.text).toContain('engine cap · filter icmp or icmp6 or tcp or arp');
    await ui.press('s', 'enter');
    expect(ui.text).toContain('● captures/web1-20261121-0314.pcapng 1.0 kB');
    expect(ui.workspace.captures[0]?.log).toEqual(['save captures/web1-20261121-0314.pcapng']);
    await ui.press('s');
    expect(ui.text).toContain('saved to captures/web1-20261121-0314.pcapng');
  });

  it('says what happened to an interface', async () => {
    await watching();
    const capture = ui.workspace.captures[0];
    const state = capture?.getState();
    capture?.change({ points: (state?.points ?? []).map((point) => ({ ...point, status: 'waiting', message: 'web1 has stopped' })) });
    await ui.press('down');
    expect(ui.text).toContain('veth9e3c2b6 waits: web1 has stopped');
  });

  it('keeps the selected flow on its row while others move, and lets go at the top', async () => {
    await watching({ workspace: new FixtureWorkspace({ flows: 50 }) });
    await ui.press('o', 'o');
    expect(ui.text).toContain('by packets, descending');
    await ui.press('j', 'j');
    const selected = ui.selectedLine;
    const row = ui.lines.indexOf(selected);
    const capture = ui.workspace.captures[0];
    const busy = capture?.rows[20];
    if (busy !== undefined) busy.flow.packets = [100_000, 0];
    capture?.change({});
    await ui.press('ctrl+l');
    expect(ui.lines[row]).toBe(selected);
    expect(ui.text).not.toContain('100k');
    await ui.press('home');
    expect(ui.selectedLine).toContain('100k');
  });

  it('shows new flows below the ones that keep their places', async () => {
    await watching();
    await ui.press('j');
    ui.workspace.captures[0]?.addRows([numberedRow(777)]);
    await ui.press('ctrl+l');
    expect(ui.selectedLine).toContain('web1 → outside');
    expect(ui.text).toContain('filter FORWARD #9');
    expect(ui.text).toContain('flow 2 of 6');
  });

  it('scrolls through more flows than fit, page by page and to both ends', async () => {
    await watching({ workspace: new FixtureWorkspace({ flows: 300 }) });
    await ui.press('end');
    expect(ui.text).toContain('flow 305 of 305');
    await ui.press('pageup');
    expect(ui.text).toMatch(/flow 29\d of 305/);
    await ui.press('k');
    await ui.press('home');
    expect(ui.text).toContain('flow 1 of 305');
    for (let i = 0; i < 40; i++) await ui.press('j');
    expect(ui.text).toContain('flow 41 of 305');
    expect(ui.selectedLine).not.toBe('');
  });

  it('freezes what is shown, counters included, and goes on when told', async () => {
    await watching();
    await ui.press('z');
    const capture = ui.workspace.captures[0];
    const first = capture?.rows[0];
    if (first !== undefined) first.flow.packets = [99, 0];
    capture?.addRows([numberedRow(777)]);
    capture?.change({ packets: 9999 });
    await ui.press('j');
    expect(ui.text).toContain('FROZEN');
    expect(ui.text).toContain('3,120 packets');
    expect(ui.text).not.toContain('777');
    expect(ui.text).toMatch(/12 sent 0 back +12 /);
    await ui.press('z');
    expect(ui.text).toContain('9,999 packets');
    expect(ui.text).toMatch(/12 sent 0 back +99 /);
  });

  it('searches by all words of the row', async () => {
    await watching();
    await ui.press('/');
    await ui.type('masquerade web1');
    expect(ui.text).toContain('flow 1 of 1');
    await ui.press('enter', 'esc');
    expect(ui.text).toContain('flow 1 of 5');
  });

  it('changes the capture filter, and keeps the old one where the new one is wrong', async () => {
    await watching();
    await ui.press('f', 'ctrl+u');
    await ui.type('nonsense');
    await ui.press('enter');
    expect(ui.text).toContain('the filter nonsense is wrong');
    expect(ui.text).toContain('filter icmp or icmp6 or tcp or arp');
    await ui.press('f', 'ctrl+u');
    await ui.type('udp');
    await ui.press('enter');
    expect(ui.text).toContain('filter udp');
  });

  it('can be saved after the capture has ended', async () => {
    await watching();
    await ui.press('X');
    expect(ui.text).toContain('ended');
    await ui.press('s', 'enter');
    expect(ui.workspace.captures[0]?.log).toEqual(['stop', 'save memory captures/web1-20261121-0314.pcapng']);
    expect(ui.text).toContain('saved 3,120 packets');
  });

  it('says that no rule looks at an ARP question', async () => {
    await watching();
    await ui.press('end');
    expect(ui.selectedLine).toContain('172.18.0.9');
    expect(ui.text).toContain('No rule looks at this.');
    await ui.press('enter');
    expect(ui.screen.kind).toBe('watch');
    expect(ui.text).toContain('no verdict: no rule looks at this');
  });

  it('tells what has just happened, and why a capture could not go on', async () => {
    await watching();
    const capture = ui.workspace.captures[0];
    capture?.change({ events: [{ at: Date.now() / 1000, severity: 'warning', text: 'veth9e3c2b6 is gone: web1 has stopped' }] });
    await ui.press('ctrl+l');
    expect(ui.lines.at(-2)).toContain('veth9e3c2b6 is gone: web1 has stopped');
    capture?.change({ events: [{ at: Date.now() / 1000 - 60, severity: 'warning', text: 'veth9e3c2b6 is gone: web1 has stopped' }] });
    await ui.press('ctrl+l');
    expect(ui.lines.at(-2)).toMatch(/^ .*e events/);
    capture?.break(new Error('no such device'));
    await settled();
    expect(ui.lines.at(-2)).toContain('no such device');
  });

  it('lists what happened', async () => {
    await watching();
    await ui.press('e');
    expect(ui.text).toMatch(/\d\d:\d\d:\d\d {2}capturing on veth9e3c2b6/);
    expect(ui.text).toContain('warning: rules changed: 1 flow has another verdict');
  });
});

describe("the kernel's trace of a flow", () => {
  const footer = (): string => ui.lines.findLast((line) => line.includes('? help')) ?? '';

  it('is offered until it runs, and another one when it has ended', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('enter', 't');
    expect(footer()).toMatch(/y trace · n leave it/);
    await ui.press('y');
    await settled();
    expect(ui.text).toContain('Waiting for the next packet');
    expect(footer()).not.toMatch(/y trace|n leave it/);
    await ui.workspace.traces[0]?.stop();
    await ui.press('left');
    expect(footer()).toMatch(/y trace/);
    expect(footer()).not.toContain('leave it');
  });
});

describe('the path of a flow', () => {
  it('shows each step with hook, table, chain, rule and text, and which one decides with its counter', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('enter');
    expect(ui.text).toContain('predicted DROP · counted ✓ 12 · traced —');
    expect(ui.text).toMatch(/1 PREROUTING +raw +PREROUTING policy ACCEPT/);
    expect(ui.text).toMatch(/3 routing +198\.18\.20\.0\/24 dev br-5e1cf44c5bd5/);
    expect(ui.text).toMatch(/4 FORWARD +filter +FORWARD #1 -j DOCKER-USER/);
    expect(ui.text).toMatch(/8 +DOCKER-ISOLATION-STAGE-2 #1 -o br-5e1cf44c5bd5 -j DROP ◀ decides \[\+12 packets with this flow\]/);
    expect(ui.text).toContain('assumed   it came in by veth9e3c2b6');
    expect(ui.text).toContain('ACCEPT → DROP: rules changed');
    expect(ui.text).toContain('none is expected');
  });

  it('shows the whole deciding rule also where it is wider than the screen', async () => {
    await watching({ columns: 80, rows: 40 });
    await ui.press('enter');
    const after = ui.lines.slice(ui.lines.findIndex((line) => line.includes('◀ decides')) + 1);
    expect(after.map((line) => line.trim()).join(' ')).toContain(DROP_RULE);
  });

  it('shows the reply on its own, with its own verdict and the translation', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('j', 'enter');
    expect(ui.text).toContain('MASQUERADE as 203.0.113.1 (from 172.18.0.2, POSTROUTING #2)');
    await ui.press('right');
    expect(ui.text).toContain('the reply');
    expect(ui.text).toContain('--ctstate RELATED,ESTABLISHED -j ACCEPT ◀ decides');
    expect(ui.text).toContain('to web1 (test_net1)');
    await ui.press('left');
    expect(ui.text).toContain('MASQUERADE as 203.0.113.1');
  });

  it('says that no reply is expected rather than showing none', async () => {
    await watching();
    await ui.press('enter', 'right');
    expect(ui.text).toContain('no reply is expected');
    expect(ui.screen).toMatchObject({ direction: 'there' });
  });

  it('shows what an undetermined verdict depends on', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('j', 'j', 'j', 'enter');
    expect(ui.text).toContain('predicted UNDETERMINED');
    expect(ui.text).toContain('INPUT #3 (legacy)');
    expect(ui.text).toContain('(only perhaps)');
    expect(ui.text).toContain('not known the match bpf is not evaluated: rule 3 of INPUT may or may not match');
  });

  it('shows why not others: the rules that were asked, and the condition that failed', async () => {
    await watching({ columns: 140, rows: 40 });
    await ui.press('w');
    expect(ui.text).toMatch(/PREROUTING nat PREROUTING *\n +#1 +-m addrtype --dst-type LOCAL -j DOCKER ✗ addrtype --dst-type LOCAL/);
  });

  it('goes out as plain text, whole and unwrapped', async () => {
    await watching({ columns: 80, rows: 24 });
    await ui.press('enter', 'e');
    expect(ui.copied[0]).toContain(DROP_RULE.replace('-A DOCKER-ISOLATION-STAGE-2 ', ''));
    expect(ui.copied[0]).toContain('web1 → web2 icmp echo');
    expect(ui.screen.kind).toBe('text');
  });
});

describe('the packets of a flow', () => {
  it('are listed with the newest selected, its layers and its bytes', async () => {
    await watching({ columns: 100, rows: 50 });
    await ui.press('p');
    expect(ui.text).toContain('packet 12 of 12');
    expect(ui.selectedLine).toContain('ICMP echo request');
    expect(ui.text).toMatch(/source +172\.18\.0\.2/);
    await ui.press('tab', 'end');
    expect(ui.text).toMatch(/0000 {2}02 42 ac 12 00 01/);
    await ui.press('tab', 'home');
    expect(ui.text).toContain('packet 1 of 12');
  });
});

describe('explaining a path without traffic', () => {
  it('completes names, asks, and shows the answer with its path', async () => {
    open({ columns: 140, rows: 40 });
    await ui.press('x');
    await ui.type('outs');
    await ui.press('tab');
    expect(ui.text).toContain('outside▏');
    await ui.press('enter');
    expect(ui.text).toContain('web1 172.18.0.2 → outside icmp echo-request');
    expect(ui.text).toContain('Packets from web1 to outside are masqueraded.');
    expect(ui.text).toContain('◀ decides');
    await ui.press('esc');
    expect(ui.text).toContain('outside▏');
  });

  it('stays at the form with the reason where the question is wrong', async () => {
    open();
    await ui.press('x', 'shift+tab', 'ctrl+u');
    await ui.type('nobody');
    await ui.press('tab');
    await ui.type('web2');
    await ui.press('enter');
    expect(ui.screen.kind).toBe('explain');
    expect(ui.text).toContain('there is no container nobody → near: nonemode');
  });

  it('takes letters that are keys elsewhere as text', async () => {
    open();
    await ui.press('x');
    await ui.type('q?x');
    expect(ui.text).toContain('q?x▏');
    expect(ui.quits).toEqual([]);
  });
});

describe('the topology', () => {
  it('is a picture of containers, cables, bridges, the host and its ways out, with what moves now', async () => {
    open({ columns: 100, rows: 30 });
    await ui.press('t');
    expect(ui.lines[1]).toMatch(/^ +containers +cables +bridges +host +ways out/);
    expect(ui.text).toMatch(/▸ {2}web1 +─ veth9e3c2b6 ─+┤ br-4a09bab7ac26 +├─+┤h28 +├── eth0/);
    expect(ui.text).toMatch(/ {4}eth0 172\.18\.0\.2 +▅ 1\.2k\/s +│ 172\.18\.0\.1\/16/);
    expect(ui.text).toContain('+ sidecar');
    expect(ui.text).toMatch(/multi +─ veth77aa002 ─+┤/);
    expect(ui.text).toContain("in the host's own namespace");
    expect(ui.text).toMatch(/nonemode +it has no network/);
    expect(ui.text).toContain('╰─ outside');
  });

  it('opens at the container that was selected, or at the one whose network it shares', async () => {
    open();
    await ui.press('j', 'j', 'j');
    expect(ui.selectedLine).toContain('sidecar');
    await ui.press('t');
    expect(ui.selectedLine).toMatch(/▸ {2}web1/);
    expect(ui.text).toContain('here: all of web1');
  });

  it('leads from a cable to the choice of places with that one chosen, and a bridge to itself', async () => {
    open();
    await ui.press('t', 'right', 'enter');
    expect(ui.text).toContain('where to capture web1');
    expect(ui.text).toContain('[veth9e3c2b6]');
    await ui.press('esc', 'right', 'enter');
    expect(ui.text).toContain('where to capture test_net1');
    expect(ui.selectedLine || ui.text).toMatch(/▸.*br-4a09bab7ac26 +bridge +here: all of test_net1/);
    await ui.press('enter');
    expect(ui.workspace.log).toEqual(['capture br-4a09bab7ac26 engine=auto filter=icmp or icmp6 or tcp or arp save=null']);
  });

  it('explains the path between two that are marked', async () => {
    open();
    await ui.press('t', 'space');
    expect(ui.text).toMatch(/▸A web1/);
    await ui.press('down', 'down', 'space');
    expect(ui.text).toMatch(/A web1[\s\S]*▸B web2/);
    await ui.press('x');
    expect(ui.text).toMatch(/SRC +web1[\s\S]*DST +web2/);
    await ui.press('enter');
    expect(ui.workspace.log).toContain('explain web1 web2 icmp');
  });

  it('finds a name that stands folded, and esc ends the search before it leaves', async () => {
    open();
    await ui.press('t', 'F');
    expect(ui.text).not.toContain('veth0257723');
    await ui.press('/');
    await ui.type('web2');
    await ui.press('enter');
    expect(ui.selectedLine).toMatch(/▸ {2}web2 +─ veth0257723/);
    expect(ui.text).toContain('found: n');
    await ui.press('esc');
    expect(ui.text).not.toContain('found: n');
    expect(ui.screen.kind).toBe('topology');
  });

  it('keeps what is selected in its place when containers come and go above it', async () => {
    open({ columns: 80, rows: 24 });
    await ui.press('t', 'down', 'down');
    const at = ui.lines.findIndex((line) => /^▸ {2}web2/.test(line));
    expect(at).toBeGreaterThan(0);
    const host = fixtureHost();
    const [first] = host.topology.bridges;
    const fewer = { ...host.topology, bridges: host.topology.bridges.filter((bridge) => bridge !== first) };
    ui.workspace.arrive({ ...host, topology: fewer });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(ui.selectedLine).toMatch(/▸ {2}web2/);
  });

  it('opens at the container inside which is captured, where the picture has no item for its own device', async () => {
    await watching({ columns: 100, rows: 40 });
    const [capture] = ui.workspace.captures;
    const [first] = capture?.getState().points ?? [];
    if (first === undefined) throw new Error('nothing is captured');
    const point = { ...first.point, id: '1044/eth0', interface: 'eth0', netns: '1044', kind: 'container' as const, container: 'web2' };
    capture?.change({ points: [{ ...first, point }] });
    await ui.press('t');
    expect(ui.selectedLine).toMatch(/▸ {2}web2/);
  });

  it('says on a link and at the host what the rules drop of a running capture', async () => {
    await watching({ columns: 100, rows: 40 });
    await ui.press('t');
    expect(ui.text).toMatch(/●▸veth9e3c2b6/);
    const [capture] = ui.workspace.captures;
    await expect
      .poll(
        () => {
          if (capture !== undefined) {
            capture.rows = capture.rows.map((row) => ({ ...row, flow: { ...row.flow, packets: [row.flow.packets[0] + 40, 0] } }));
          }
          return ui.text;
        },
        { timeout: 15_000, interval: 200 },
      )
      .toMatch(/✗\d+\/s[\s\S]*✗\d+\/s/);
    expect(ui.text).toMatch(/of the captured ones dropped or refused by\s+rules/);
  });

  it('shows no control character of a name, and no line wider than the screen', async () => {
    const host = fixtureHost();
    const [bridge] = host.topology.bridges;
    if (bridge === undefined) throw new Error('no bridge');
    const evil = '\u001b[31mnet\u202e日本語ネットワーク名前';
    const workspace = new FixtureWorkspace({ late: true });
    workspace.arrive({
      ...host,
      topology: { ...host.topology, bridges: [{ ...bridge, network: evil }, ...host.topology.bridges.slice(1)] },
    });
    for (const unicode of [true, false]) {
      const mounted = new MountedUi({ columns: 80, rows: 24, unicode, workspace });
      await mounted.press('t');
      expect(mounted.raw.join('')).not.toMatch(/[\u0000-\u001f\u202e]/);
      for (const line of mounted.lines) expect(displayWidth(line)).toBeLessThanOrEqual(80);
      await mounted.close();
    }
    open();
  });
});

describe('help', () => {
  it('shows the keys of the screen that one comes from first', async () => {
    await watching({ rows: 50 });
    await ui.press('?');
    expect(ui.lines[1]).toBe(' Watch');
    expect(ui.text).toMatch(/s +save to a file from now on/);
    await ui.press('esc');
    expect(ui.screen.kind).toBe('watch');
  });
});

describe('every screen', () => {
  const visits: readonly (readonly string[])[] = [
    [],
    ['enter'],
    ['enter', 'enter'],
    ['enter', 'enter', 'enter'],
    ['enter', 'enter', 'w'],
    ['enter', 'enter', 'p'],
    ['enter', 'enter', 'e'],
    ['t'],
    ['t', 'i'],
    ['t', 'F'],
    ['x'],
    ['?'],
    ['o'],
  ];

  for (const [columns, rows] of [
    [80, 24],
    [100, 30],
    [140, 40],
    [233, 71],
  ] as const) {
    it(`fits ${columns}x${rows} with a row to spare, and says in its last line what can be done next`, async () => {
      for (const unicode of [true, false]) {
        for (const keys of visits) {
          const mounted = new MountedUi({ columns, rows, unicode, workspace: new FixtureWorkspace({ flows: 200, containers: 80 }) });
          for (const key of keys) await mounted.press(key);
          expect(mounted.lines).toHaveLength(rows - 1);
          for (const line of mounted.lines) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
          expect(mounted.lines.at(-1)).toMatch(/(quit|back|cancel)/);
          await mounted.close();
        }
      }
      open();
    });
  }

  it('gives way to a word about the size where the terminal is too small, and comes back', async () => {
    open();
    for (const [columns, rows] of [
      [MIN_COLUMNS - 1, MIN_ROWS],
      [MIN_COLUMNS, MIN_ROWS - 1],
      [20, 5],
      [1, 1],
    ] as const) {
      await ui.resize({ columns, rows });
      expect(ui.lines.length).toBeLessThan(Math.max(2, rows));
      for (const line of ui.lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    }
    await ui.resize({ columns: 80, rows: 24 });
    expect(ui.text).toContain('web1');
  });
});

describe('what takes long', () => {
  it('can be given up with esc, and what comes of it later is stopped', async () => {
    const workspace = new FixtureWorkspace();
    const { openCapture } = workspace;
    let finish: () => void = () => {};
    const wait = new Promise<void>((resolve) => {
      finish = resolve;
    });
    workspace.openCapture = async (points, options) => {
      await wait;
      return openCapture.call(workspace, points, options);
    };
    open({ workspace });
    await ui.press('enter', 'enter');
    expect(ui.text).toContain('starting to capture web1');
    await ui.press('esc');
    expect(ui.screen.kind).toBe('where');
    finish();
    await ui.press('ctrl+l');
    expect(ui.screen.kind).toBe('where');
    expect(workspace.captures[0]?.log).toEqual(['stop']);
  });
});
