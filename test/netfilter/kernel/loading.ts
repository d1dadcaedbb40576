/** Loads as many rules and sets as this kernel and this iptables can take, and says which they could not. */
import type { Backend } from './counters.ts';
import type { NamespacePair } from './namespaces.ts';

/** The rules that load, in their order: those that do not are found by halving. */
export const loadable = (rules: readonly string[], load: (rules: readonly string[]) => void): readonly string[] => {
  if (rules.length === 0) return [];
  try {
    load(rules);
    return rules;
  } catch (error) {
    if (rules.length === 1) {
      process.stderr.write(`not loaded here: ${rules[0]}: ${String(error).split('\n')[1] ?? String(error)}\n`);
      return [];
    }
    const middle = rules.length >> 1;
    return [...loadable(rules.slice(0, middle), load), ...loadable(rules.slice(middle), load)];
  }
};

export const restore = (pair: NamespacePair, backend: Backend, family: 'ip' | 'ip6', text: string, args: readonly string[] = []): void => {
  pair.host(`${family === 'ip' ? 'iptables' : 'ip6tables'}-${backend}-restore`, args, text);
};

/** The sets of an `ipset save` text, without the types that the kernel does not have. */
export const loadSets = (pair: NamespacePair, text: string): void => {
  const byName = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const name = line.split(' ')[1];
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), line]);
  }
  loadable(
    [...byName.values()].map((lines) => lines.join('\n')),
    (sets) => {
      try {
        pair.host('ipset', ['restore', '-exist'], `${sets.join('\n')}\n`);
      } catch (error) {
        throw new Error(`ipset restore:\n${(error as { stderr?: string }).stderr ?? ''}`);
      }
    },
  );
};
