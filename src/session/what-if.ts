/** "What would other rules have done": the facts of a session with those rules in the place of its own. */
import type { HostFacts } from '../host/facts.ts';
import { type OtherRules, withOtherRules } from '../host/other-rules.ts';
import { type AssumedPlace, NO_PLACE } from '../path/assumed-host.ts';

export class WhatIf {
  /** Null where the rules are the session's own: what other ones are compared with. */
  readonly rules: OtherRules | null;
  /** What is known of the host where there is no snapshot of it. */
  readonly place: AssumedPlace;
  readonly #host: HostFacts | null;
  #connections: HostFacts['self']['conntrack'] | undefined;

  /** `host`: facts that stand for all of the session's own. */
  constructor(rules: OtherRules | null, host: HostFacts | null = null, place: AssumedPlace = NO_PLACE) {
    this.rules = rules;
    this.place = place;
    this.#host = host;
  }

  /** The same question about another reading of the session. */
  again(): WhatIf {
    return new WhatIf(this.rules, this.#host, this.place);
  }

  /** Which tables come from where, by the names of the files alone. */
  get words(): string | null {
    if (this.rules === null) return null;
    const { tables, nft } = this.rules;
    const shortened = tables.map((file) => ({ ...file, name: baseName(file.name) }));
    return otherRulesWords({ tables: shortened, nft: nft === null ? null : { ...nft, name: baseName(nft.name) } });
  }

  /**
   * Connections that later snapshots tell of began under the rules of then: only those of the first were there before, and go on as
   * they do when iptables-restore changes the rules beneath them.
   */
  factsFor(facts: HostFacts): HostFacts {
    if (this.#connections === undefined) this.#connections = facts.self.conntrack;
    const other = this.#host ?? facts;
    const self = { ...other.self, conntrack: this.#connections };
    return { ...other, self: this.rules === null ? self : withOtherRules(self, this.rules) };
  }
}

/** `filter, nat of IPv4 from new.save; native tables from fw.json`. */
export const otherRulesWords = ({ tables, nft }: Pick<OtherRules, 'tables' | 'nft'>): string => {
  const parts = tables.map(
    ({ name, family, tables: own }) => `${own.map((table) => table.name).join(', ')} of ${family === 'ip' ? 'IPv4' : 'IPv6'} from ${name}`,
  );
  if (nft !== null) parts.push(`native tables from ${nft.name}`);
  return parts.join('; ');
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What verdicts rest on where there is no snapshot, in words. */
export const ASSUMED_HOST =
  'packets are judged by the rules that were given alone, as if the host forwards, checks no source and has no other rules; what hangs on its devices, addresses, sets and connections is undetermined unless it is told (--in, --out, --local)';
