/** "What would other rules have done": the facts of a session with those rules in the place of its own. */
import type { HostFacts } from '../host/facts.ts';
import { type OtherRules, withOtherRules } from '../host/other-rules.ts';

export class WhatIf {
  /** Null where the rules are the session's own: what other ones are compared with. */
  readonly rules: OtherRules | null;
  readonly #host: HostFacts | null;
  #connections: HostFacts['self']['conntrack'] | undefined;

  /** `host`: facts that stand for all of the session's own. */
  constructor(rules: OtherRules | null, host: HostFacts | null = null) {
    this.rules = rules;
    this.#host = host;
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
