/** -m bpf: a classic BPF program over the packet. xt_bpf.c; Documentation/networking/filter.rst in the kernel. */
import { BPF_UNKNOWN, type Instruction, runBpf } from './bpf-machine.ts';
import { badValue, optionMatch } from './condition.ts';

/** `4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0`: how many, then op jt jf k of each. Null where the program is malformed. */
const parseBytecode = (text: string): readonly Instruction[] | null => {
  const [count, ...rest] = text.split(',').filter((part, index) => index === 0 || part.trim() !== '');
  if (!/^\d+$/.test(count?.trim() ?? '') || Number(count) !== rest.length || rest.length === 0) return null;
  const program: Instruction[] = [];
  for (const line of rest) {
    const words = line.trim().split(/\s+/);
    if (words.length !== 4 || words.some((word) => !/^\d+$/.test(word))) return null;
    const [op, jt, jf, k] = words.map(Number) as [number, number, number, number];
    program.push({ op, jt, jf, k });
  }
  return program;
};

export const bpf = optionMatch('bpf', {
  '--bytecode': (option) => {
    const program = parseBytecode(option.values[0] ?? '');
    if (program === null) return badValue(option);
    return (skb) => {
      const result = runBpf(program, skb);
      return result === BPF_UNKNOWN ? 'what the BPF program reads of the packet is not at hand' : result !== 0;
    };
  },
  '--object-pinned': (option) => `the program pinned at ${option.values[0] ?? '?'} cannot be read`,
});
