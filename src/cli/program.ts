/** The command line: commands, arguments, options and their help. What a command does is in its own file, loaded when it is called. */
import { Argument, Command, Option } from 'commander';
import { usageError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { type AnonymiseArguments, anonymiseKeyOption, anonymiseOption, anonymizeOption } from './anonymise-option.ts';
import { parseCount, parseDevice, parseDuration, parsePrefixes } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { DiffCommandOptions } from './diff.ts';
import type { ExplainCommandOptions } from './explain.ts';
import type { InstallOptions } from './extcap/install.ts';
import type { GlobalOptions } from './globals.ts';
import { parseKeep } from './keep.ts';
import type { RulesOptions } from './rules-files.ts';
import { parseAutostop, parseFileSize, parseRing } from './save-options.ts';
import type { TraceCommandOptions } from './trace.ts';
import { readVersion } from './version.ts';

export interface ProgramIo {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  readonly isInteractive: boolean;
  /** Called once, by the command that is run. */
  readonly context: (globals: GlobalOptions) => CommandContext;
  /** What stood behind `--` of a command that takes a filter. */
  readonly afterDashes: readonly string[] | null;
  readonly done: (exitCode: number) => void;
}

interface RootOptions extends GlobalOptions, RulesOptions {
  readonly engine: 'cap' | 'tcpdump' | 'auto';
  readonly open?: string;
}

/** Options that every command takes; the others of the root belong to the UI and to captures. */
const GLOBAL_FLAGS: ReadonlySet<string> = new Set(['--host', '--docker-host', '--on', '--json', '--no-color']);

const ROOT_EPILOGUE = `
Without a command the terminal UI starts: pick a container, capture, explain.
FILTER is pcap-filter(7) syntax; captures without one take "icmp or icmp6 or tcp or arp".
Exit codes: 0 fine, 1 failure, 2 usage, 3 missing privilege or program, 4 an --expect option differs.

Examples:
  vethscope web1                              watch web1's traffic and the rules that decide it
  vethscope capture web1 'tcp port 80'        a line a flow, with its verdict
  vethscope explain web1 web2 tcp:80          which rule would decide, without traffic
  vethscope trace web1 web2 tcp:80 --send     send one, and lay the kernel's own trace beside that
  vethscope read captures/web1.pcapng         a saved session, without root and without Docker
  vethscope diff web1.pcapng --iptables new   what other rules would have done to it`;

export const createProgram = (io: ProgramIo): Command => {
  const program = new Command('vethscope');
  program
    .exitOverride()
    .configureOutput({
      writeOut: io.writeOut,
      writeErr: io.writeErr,
      // What is wrong may be quoted from the command line, escape sequences and all.
      outputError: (text, write) =>
        write(
          text
            .replace(/^error: /, 'vethscope: ')
            .split('\n')
            .map(printable)
            .join('\n'),
        ),
    })
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (command) =>
        (command.parent?.options ?? []).filter(
          (option) => GLOBAL_FLAGS.has(option.long ?? '') || (option.long === '--engine' && command.name() === 'capture'),
        ),
    })
    .showHelpAfterError('(vethscope --help tells what there is)')
    .description("See a container's traffic live, and the firewall rule that decides each flow.")
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--host <snapshot>', 'work on a saved snapshot instead of this host')
    .option('--docker-host <url>', "Docker daemon's address (default: DOCKER_HOST, else the usual socket)")
    .option(
      '--on <destination>',
      'another machine, by ssh: ssh://user@host:port, or as ssh knows it; it needs a shell, ip, iptables-save, tcpdump, docker',
    )
    .option('--json', 'answer in JSON')
    .option('--no-color', 'no colours (as with NO_COLOR set)')
    .addOption(new Option('--engine <name>', 'capture engine').choices(['auto', 'cap', 'tcpdump']).default('auto'))
    .option('--open <file>', 'open a saved session in the UI')
    .option('--iptables <file>', 'with --open or --host: judge by these rules instead (what iptables-save prints)')
    .option('--ip6tables <file>', 'the same for IPv6')
    .option('--nft <file>', 'the same for native nftables (nft -j list ruleset)')
    .option('--in <device>', 'with these rules and no snapshot: by which device packets came in', parseDevice)
    .option('--out <device>', 'likewise: by which they left', parseDevice)
    .option('--local <list>', "likewise: the host's own addresses (192.0.2.1,10.0.0.0/8)", parsePrefixes)
    .hook('preAction', (_root, command) => handRulesTo(command, program))
    .argument('[container]', 'container to capture at once')
    .addHelpText('after', ROOT_EPILOGUE)
    .action(async (container: string | undefined) => {
      const options = program.opts<RootOptions>();
      if (!io.isInteractive) {
        program.outputHelp({ error: true });
        io.writeErr('\nvethscope: the UI needs a terminal; list, capture, read and explain do not\n');
        io.done(2);
        return;
      }
      const { runTui } = await import('./tui.ts');
      io.done(await runTui({ ...options, container: container ?? null, open: options.open ?? null }, io.context(options)));
    });
  addHostCommands(program, io);
  addCaptureCommands(program, io);
  addDiffCommand(program, io);
  addExplainCommand(program, io);
  addTraceCommand(program, io);
  for (const command of program.commands) command.showHelpAfterError(`(vethscope ${command.name()} --help tells what it takes)`);
  return program;
};

/** The parser takes these for the root's own wherever they stand; they are for the command where it has them. */
const handRulesTo = (command: Command, root: Command): void => {
  if (command === root) return;
  for (const name of ['iptables', 'ip6tables', 'nft', 'in', 'out', 'local'] as const) {
    const value = root.opts<RootOptions>()[name];
    if (value === undefined) continue;
    if (!command.options.some((option) => option.attributeName() === name)) command.error(`error: unknown option '--${name}'`);
    command.setOptionValue(name, value);
  }
};

const addHostCommands = (program: Command, io: ProgramIo): void => {
  program
    .command('list')
    .description('containers with their networks, addresses and host interfaces')
    .action(async () => {
      const { runList } = await import('./list.ts');
      io.done(await runList(io.context(program.opts())));
    });
  program
    .command('topology')
    .description('namespaces, bridges, veths, parents and overlays as a tree')
    .option('--dot', "in Graphviz's language instead: vethscope topology --dot | dot -Tsvg")
    .action(async (options: { readonly dot?: boolean }) => {
      const { runTopology } = await import('./topology.ts');
      io.done(await runTopology(options, io.context(program.opts())));
    });
  program
    .command('snapshot')
    .description('all host facts as one document, for --host')
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .addOption(anonymiseOption())
    .addOption(anonymizeOption())
    .addOption(anonymiseKeyOption())
    .action(async (options: AnonymiseArguments & { readonly output?: string }) => {
      const { runSnapshot } = await import('./snapshot.ts');
      io.done(await runSnapshot(options, io.context(program.opts())));
    });
  program
    .command('doctor')
    .description('what is missing for full function here, with the command that mends it')
    .action(async () => {
      const { runDoctor } = await import('./doctor.ts');
      io.done(await runDoctor(io.context(program.opts())));
    });
  program
    .command('install-extcap')
    .description("show containers in Wireshark's list of interfaces, verdicts as packet comments")
    .option('--dir <dir>', "this folder instead of Wireshark's personal one")
    .option('--system', 'for all users of this machine')
    .option('--remove', 'take it away again')
    .option('--sudoers', 'only print the line that lets sudo capture without a password')
    .action(async (options: InstallOptions) => {
      const { runInstallExtcap } = await import('./extcap/install.ts');
      io.done(await runInstallExtcap(options, io.context(program.opts())));
    });
};

const addCaptureCommands = (program: Command, io: ProgramIo): void => {
  program
    .command('capture')
    .description('capture without the UI: a line a flow or a packet, with its verdict')
    .argument('<target...>', 'container, container:network, interface, or bridge:NAME; then the filter')
    .usage('[options] TARGET... [FILTER]')
    .option('-w, --write <file>', 'save the session as pcapng; - is standard output')
    .option('-C, --file-size <size>', 'go on in another file beyond so many millions of bytes (10; 512k, 64M, 1G)', parseFileSize)
    .option('-G, --rotate-seconds <n>', 'go on in another file after so long; -w takes strftime(3) conversions', parseCount)
    .option('-W, --file-count <n>', 'with -C a ring of so many files, with -G the end after so many', parseCount)
    .option(
      '-b, --ring <criterion>',
      'go on as dumpcap does: duration:S, filesize:KB, files:N, packets:N, interval:S (repeatable)',
      parseRing,
    )
    .option('-a, --autostop <criterion>', 'end as dumpcap does: duration:S, filesize:KB, files:N, packets:N (repeatable)', parseAutostop)
    .option('--headers-only', 'save packets without what they carry')
    .option('--only <expression>', 'save only flows that this display filter holds of (docs/filters.md): verdict:drop container:web1')
    .addOption(anonymiseOption())
    .addOption(anonymizeOption())
    .addOption(anonymiseKeyOption())
    .option(
      '--keep <span>',
      'keep the newest packets in memory (5m, 256M, or both: 5m,256M) and write them to -w at SIGUSR2 and at the end',
      parseKeep,
    )
    .option('-c, --count <n>', 'stop after so many packets', parseCount)
    .option('--duration <seconds>', 'stop after so long (30, 90s, 2m)', parseDuration)
    .option('--packets', 'a line a packet')
    .option('-Y, --display-filter <expression>', 'only flows that this holds of: verdict:drop container:web1 port:80 (docs/filters.md)')
    .option('--to <dst>', 'capture at every place between TARGET and DST (container, address, host, outside), and show where packets end')
    .addHelpText(
      'after',
      '\nArguments that name a target are targets; the first that does not begins the filter. After -- everything is the filter.\n' +
        'Lines begin with + for a new flow, ~ for a changed verdict, = for a flow that is over.',
    )
    .action(async (words: string[], options) => {
      const { runCapture } = await import('./capture.ts');
      const root = program.opts<RootOptions>();
      io.done(await runCapture(words, io.afterDashes, { ...options, engine: root.engine }, io.context(root)));
    });
  program
    .command('read')
    .description('the same on a saved pcap or pcapng, with the snapshot in it or --host')
    .argument('<file>', 'the file; - is standard input')
    .argument('[filter...]', 'pcap-filter expression (default: everything)')
    .usage('[options] FILE [FILTER]')
    .option('-c, --count <n>', 'stop after so many packets', parseCount)
    .option('--packets', 'a line a packet')
    .option('-Y, --display-filter <expression>', 'only flows that this holds of: verdict:drop container:web1 port:80 (docs/filters.md)')
    .option(
      '-w, --write <file>',
      'write it anew instead: all of it, or what FILTER and -c choose, with its facts and names; - is standard output',
    )
    .option('--headers-only', 'with -w: packets without what they carry')
    .addOption(anonymiseOption())
    .addOption(anonymizeOption())
    .addOption(anonymiseKeyOption())
    .option('--rules', 'instead of flows: for each rule how many packets it matches, beside what the kernel counted')
    .option('--unused', 'with --rules: also rules that no packet met')
    .option('--iptables <file>', 'judge by these rules instead (what iptables-save prints)')
    .option('--ip6tables <file>', 'the same for IPv6')
    .option('--nft <file>', 'the same for native nftables (nft -j list ruleset)')
    .option('--in <device>', 'with these rules and no snapshot: by which device packets came in', parseDevice)
    .option('--out <device>', 'likewise: by which they left', parseDevice)
    .option('--local <list>', "likewise: the host's own addresses (192.0.2.1,10.0.0.0/8)", parsePrefixes)
    .action(async (file: string, filter: string[], options) => {
      const { runRead } = await import('./read.ts');
      io.done(await runRead(file, [...filter, ...(io.afterDashes ?? [])], options, io.context(program.opts())));
    });
};

const addDiffCommand = (program: Command, io: ProgramIo): void => {
  program
    .command('diff')
    .description('which flows of a saved session other rules would decide otherwise, and by which rule')
    .argument('<file>', 'the saved pcap or pcapng')
    .argument('[filter...]', 'pcap-filter expression (default: everything)')
    .usage('[options] FILE [FILTER]')
    .option('--iptables <file>', 'the other rules: what iptables-save prints')
    .option('--ip6tables <file>', 'the same for IPv6')
    .option('--nft <file>', 'the same for native nftables (nft -j list ruleset)')
    .option('--to-host <snapshot>', "another snapshot's facts altogether")
    .option('--all', 'every changed flow, and not the first five of each kind')
    .option('--expect-no-change', 'exit 4 where a flow changes')
    .addHelpText(
      'after',
      '\nA table of a file takes the place of the table of that name, as with iptables-restore; the others stay as they are.',
    )
    .action(async (file: string, filter: string[], options: DiffCommandOptions) => {
      const { runDiff } = await import('./diff.ts');
      io.done(await runDiff(file, [...filter, ...(io.afterDashes ?? [])], options, io.context(program.opts())));
    });
};

interface ExplainArguments extends RulesOptions {
  readonly packets?: string;
  readonly whyNot?: boolean;
  readonly matrix?: boolean;
  readonly peer?: readonly string[];
  readonly ports?: string;
  readonly from?: string;
  readonly to?: string;
  readonly expect?: NonNullable<ExplainCommandOptions['expect']>;
}

const collected = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const addExplainCommand = (program: Command, io: ProgramIo): void => {
  program
    .command('explain')
    .description('what would happen to such a packet, without traffic')
    .usage(
      '[options] SRC DST PROTO[:PORT]\n       vethscope explain [options] --packets FILE|-\n       vethscope explain [options] --matrix',
    )
    .addArgument(new Argument('[src]', 'container, address, "host" or "outside"'))
    .addArgument(new Argument('[dst]', 'likewise'))
    .addArgument(new Argument('[proto]', 'icmp, tcp:80, udp:53'))
    .option('--packets <file>', 'exact packets instead, one JSON a line in (- is standard input), one JSON a line out')
    .option('--peer <snapshot>', "another host's snapshot, for what overlay networks carry there (repeatable)", collected, [])
    .option('--why-not', 'also the rules that were asked and did not match, and which condition failed')
    .option('--iptables <file>', 'by these rules instead (what iptables-save prints)')
    .option('--ip6tables <file>', 'the same for IPv6')
    .option('--nft <file>', 'the same for native nftables (nft -j list ruleset)')
    .option('--matrix', 'who can reach whom: every container, the host and outside, with the deciding rule in each cell')
    .option('--ports <list>', 'with --matrix: these instead of icmp and what is published or listened on (icmp,tcp:80)')
    .option('--from <list>', 'with --matrix: only from these (web1,outside)')
    .option('--to <list>', 'with --matrix: only to these')
    .addOption(
      new Option('--expect <outcome>', 'exit 4 where a verdict is another; the reply is not asked about').choices([
        'accept',
        'drop',
        'reject',
      ]),
    )
    .action(async (src: string | undefined, dst: string | undefined, proto: string | undefined, given: ExplainArguments) => {
      const peers = given.peer ?? [];
      const { iptables, ip6tables, nft } = given;
      const rules = { ...(iptables && { iptables }), ...(ip6tables && { ip6tables }), ...(nft && { nft }) };
      const options: ExplainCommandOptions = { whyNot: given.whyNot === true, expect: given.expect ?? null, peers, rules };
      if (peers.length > 0 && (given.matrix === true || given.packets !== undefined))
        throw usageError('--peer belongs to one question: SRC DST PROTO[:PORT]', {
          hint: 'vethscope explain --peer b.json web1 web2 icmp',
        });
      if (given.matrix === true) {
        if (src !== undefined || given.packets !== undefined)
          throw usageError('explain --matrix takes no SRC DST PROTO and no --packets', {
            hint: 'vethscope explain --matrix --from web1 --ports tcp:80',
          });
        const { namesOf, runExplainMatrix } = await import('./explain-matrix.ts');
        const list = (text: string | undefined, option: string) => (text === undefined ? null : namesOf(text, option));
        const question = { from: list(given.from, '--from'), to: list(given.to, '--to'), ports: list(given.ports, '--ports') };
        io.done(await runExplainMatrix(question, options, io.context(program.opts())));
        return;
      }
      const lone = (['ports', 'from', 'to'] as const).find((name) => given[name] !== undefined);
      if (lone !== undefined)
        throw usageError(`--${lone} belongs to --matrix`, { hint: 'vethscope explain --matrix --from web1 --ports tcp:80' });
      if (given.packets !== undefined) {
        if (src !== undefined) throw usageError('explain takes either SRC DST PROTO[:PORT] or --packets, not both');
        const { runExplainPackets } = await import('./explain-packets.ts');
        io.done(await runExplainPackets(given.packets, options, io.context(program.opts())));
        return;
      }
      if (src === undefined || dst === undefined || proto === undefined) {
        throw usageError('explain needs SRC DST PROTO[:PORT]', { hint: 'vethscope explain web1 web2 tcp:80' });
      }
      const { runExplain } = await import('./explain.ts');
      io.done(await runExplain(src, dst, proto, options, io.context(program.opts())));
    });
};

interface TraceArguments {
  readonly wait?: boolean;
  readonly send?: boolean;
  readonly count?: number;
  readonly duration?: number;
  readonly expect?: TraceCommandOptions['expect'];
}

const addTraceCommand = (program: Command, io: ProgramIo): void => {
  program
    .command('trace')
    .description("the kernel's own trace of such packets beside the prediction")
    .usage('[options] SRC DST PROTO[:PORT]')
    .argument('<src>', 'container, address, "host" or "outside"')
    .argument('<dst>', 'likewise')
    .argument('<proto>', 'icmp, tcp:80, udp:53')
    .option('--wait', 'wait for such packets (this is what it does without --send)')
    .option('--send', 'send one: an echo request, a connection that is tried, or a datagram')
    .option('-c, --count <n>', 'end after so many packets of SRC, with their answers (default: 1)', parseCount)
    .option('--duration <seconds>', 'end after so long (30, 90s, 2m; default: 60, with --send 5)', parseDuration)
    .addOption(
      new Option('--expect <outcome>', 'exit 4 where the kernel did otherwise, or saw nothing').choices(['accept', 'drop', 'reject']),
    )
    .addHelpText(
      'after',
      '\nAdds tables of its own to the kernel while it runs, which mark such packets for tracing, at most 100 a second; they vanish\n' +
        'with it, however it ends. Marks: = both agree, < predicted only, > the kernel only, ? the prediction leaves it open.',
    )
    .action(async (src: string, dst: string, proto: string, given: TraceArguments) => {
      if (given.wait === true && given.send === true) throw usageError('trace takes either --wait or --send, not both');
      const { runTrace } = await import('./trace.ts');
      const options: TraceCommandOptions = {
        send: given.send === true,
        count: given.count ?? null,
        durationMs: given.duration ?? null,
        expect: given.expect ?? null,
      };
      io.done(await runTrace(src, dst, proto, options, io.context(program.opts())));
    });
};
