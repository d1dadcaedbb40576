/** The sentences that Wireshark reads from an extcap program's standard output; extcap(4), "Grammar elements". */
import { printable } from '../../base/printable.ts';

/** `interface {value=…}{display=…}`. */
export const sentence = (keyword: string, fields: Readonly<Record<string, string>>): string =>
  `${keyword} ${Object.entries(fields)
    .map(([name, value]) => `{${name}=${fieldText(value)}}`)
    .join('')}`;

/** A field ends at the next brace, and nothing can be said to mean one. */
const fieldText = (text: string): string => printable(text).replaceAll('{', '(').replaceAll('}', ')');

/** What is asked in Wireshark's dialog before a capture, the same for every interface. */
export const configSentences = (): string[] => [
  sentence('arg', {
    number: '0',
    call: '--engine',
    display: 'Capture engine',
    tooltip: 'tcpdump: times and losses are the kernel’s own; cap: the libpcap binding',
    type: 'selector',
    default: 'auto',
  }),
  sentence('value', { arg: '0', value: 'auto', display: 'Automatic', default: 'true' }),
  sentence('value', { arg: '0', value: 'tcpdump', display: 'tcpdump', default: 'false' }),
  sentence('value', { arg: '0', value: 'cap', display: 'libpcap binding (cap)', default: 'false' }),
  sentence('arg', {
    number: '1',
    call: '--to',
    display: 'Also capture on the way to',
    tooltip: 'A container, an address, host or outside: captures at every place between, so that it is seen where packets end',
    type: 'string',
    required: 'false',
  }),
  sentence('arg', {
    number: '2',
    call: '--only-dropped',
    display: 'Only what is dropped or refused',
    tooltip: 'Only packets of flows whose verdict is a drop or a refusal',
    type: 'boolflag',
    default: 'false',
  }),
  sentence('arg', {
    number: '3',
    call: '--no-comments',
    display: 'Leave the verdicts out',
    tooltip: 'Packets without comments',
    type: 'boolflag',
    default: 'false',
  }),
  sentence('arg', {
    number: '4',
    call: '--facts',
    display: 'Keep the facts of the host in the capture',
    tooltip: 'For vethscope read, which judges anew; Wireshark shows them as custom blocks among the packets',
    type: 'boolflag',
    default: 'false',
  }),
];

/** Points on tunnels and loopbacks bring link types of their own; each interface block of the capture says which it is. */
export const linkTypeSentence = (): string => sentence('dlt', { number: '1', name: 'EN10MB', display: 'Ethernet' });
