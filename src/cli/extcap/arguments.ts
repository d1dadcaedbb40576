/** How Wireshark calls an extcap program; extcap(4) and chapter "Extcap: Developer Guide" of the Wireshark Developer's Guide. */
import { usageError } from '../../base/errors.ts';

export interface ExtcapArguments {
  readonly step: 'interfaces' | 'dlts' | 'config' | 'capture' | 'check-filter';
  /** Value of an `interface` sentence; null where none was named. */
  readonly interface: string | null;
  readonly fifo: string | null;
  /** pcap-filter(7); empty for everything, as Wireshark means an empty field. */
  readonly filter: string;
  readonly engine: 'auto' | 'cap' | 'tcpdump';
  /** Also capture at every place on the way to this one; null for the interface alone. */
  readonly to: string | null;
  /** Snapshots among the packets, for `vethscope read`. */
  readonly facts: boolean;
  /** Verdicts as packet comments. */
  readonly comments: boolean;
  /** Only packets of flows that are dropped or refused. */
  readonly onlyDropped: boolean;
  readonly dockerHost: string | null;
  /** The end of standard input ends the capture: how an ordinary user's vethscope ends the one that it started with sudo. */
  readonly endsWithStdin: boolean;
}

/** Options with a value; `--name value` and `--name=value` are the same. */
const VALUED = [
  '--extcap-interface',
  '--extcap-version',
  '--extcap-capture-filter',
  '--extcap-control-in',
  '--extcap-control-out',
  '--extcap-reload-option',
  '--fifo',
  '--engine',
  '--to',
  '--docker-host',
] as const;
const FLAGS = [
  '--extcap-interfaces',
  '--extcap-dlts',
  '--extcap-config',
  '--capture',
  '--facts',
  '--no-comments',
  '--only-dropped',
  '--extcap-cleanup-postkill',
  '--ends-with-stdin',
] as const;

type Valued = (typeof VALUED)[number];
type Flag = (typeof FLAGS)[number];

const ENGINES = ['auto', 'cap', 'tcpdump'] as const;

/** Throws a usage error for what no Wireshark says. */
export const parseExtcapArguments = (argv: readonly string[]): ExtcapArguments => {
  const values = new Map<Valued, string>();
  const flags = new Set<Flag>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (isOneOf(VALUED, name)) {
      const value = equals < 0 ? argv[++at] : word.slice(equals + 1);
      if (value === undefined) throw usageError(`extcap: ${name} needs a value`);
      values.set(name, value);
    } else if (isOneOf(FLAGS, word)) flags.add(word);
    else
      throw usageError(`extcap: unknown option ${word}`, {
        hint: 'after an upgrade: vethscope install-extcap once more; by hand: vethscope capture',
      });
  }
  const engine = values.get('--engine') ?? 'auto';
  if (!isOneOf(ENGINES, engine)) throw usageError(`extcap: no engine is called ${engine}`, { hint: ENGINES.join(', ') });
  return {
    step: stepOf(flags, values),
    interface: values.get('--extcap-interface') ?? null,
    fifo: values.get('--fifo') ?? null,
    filter: (values.get('--extcap-capture-filter') ?? '').trim(),
    engine,
    to: blankToNull(values.get('--to')),
    dockerHost: blankToNull(values.get('--docker-host')),
    facts: flags.has('--facts'),
    comments: !flags.has('--no-comments'),
    onlyDropped: flags.has('--only-dropped'),
    endsWithStdin: flags.has('--ends-with-stdin'),
  };
};

const stepOf = (flags: ReadonlySet<Flag>, values: ReadonlyMap<Valued, string>): ExtcapArguments['step'] => {
  if (flags.has('--extcap-interfaces')) return 'interfaces';
  if (flags.has('--capture')) return 'capture';
  if (flags.has('--extcap-dlts')) return 'dlts';
  if (flags.has('--extcap-config')) return 'config';
  // A filter without anything to be done with it: is it one?
  if (values.has('--extcap-capture-filter')) return 'check-filter';
  throw usageError('extcap: nothing to do was named', {
    hint: 'Wireshark calls this; to see what it is told: vethscope extcap --extcap-interfaces',
  });
};

const blankToNull = (text: string | undefined): string | null => (text === undefined || text.trim() === '' ? null : text.trim());

const isOneOf = <Name extends string>(names: readonly Name[], text: string): text is Name => names.includes(text as Name);
