/** What a target does to a packet: end the chain, or change the packet and let it go on. iptables-extensions(8), "TARGET EXTENSIONS". */
import type { HookOutcome, MatchEnv, NatAction, StepAction } from '../evaluation.ts';
import { printOption } from '../print.ts';
import type { Hook, RuleOption, RuleRef, TargetSpec } from '../ruleset.ts';
import type { Skb } from '../skb.ts';

export type TargetResult =
  | { readonly kind: 'continue'; readonly action: StepAction; readonly skb: Skb; readonly note?: string }
  | {
      readonly kind: 'verdict';
      readonly verdict: HookOutcome['verdict'];
      readonly action: StepAction;
      readonly rejectWith?: string;
      readonly nat?: NatAction;
      readonly note?: string;
      /** For `unknown`: why. */
      readonly reason?: string;
    }
  | { readonly kind: 'return' }
  /** Only nft: the statement finds nothing to do and ends its rule. */
  | { readonly kind: 'break'; readonly failed: string };

export type TargetRun = (skb: Skb, env: MatchEnv, hook: Hook) => TargetResult;

export interface CompiledTarget {
  /** It neither ends the chain nor changes the packet: whether it ran makes no difference to the packet. */
  readonly inert: boolean;
  readonly run: TargetRun;
}

export interface TargetContext {
  readonly family: 4 | 6;
  /** The rule, as the NAT it does names it. */
  readonly ref: RuleRef;
}

export interface TargetModule {
  /** As behind -j. */
  readonly name: string;
  readonly compile: (spec: TargetSpec, context: TargetContext) => CompiledTarget;
}

/** A target that only does something beside the packet: logs it, copies it, counts it. */
export const inertTarget = (
  name: string,
  action: StepAction,
  describe: (spec: TargetSpec) => string | undefined = () => undefined,
): TargetModule => ({
  name,
  compile: (spec) => {
    const note = describe(spec);
    return {
      inert: true,
      run: (skb) => (note === undefined ? { kind: 'continue', action, skb } : { kind: 'continue', action, skb, note }),
    };
  },
});

/** A target with always the same end. */
export const finalTarget = (name: string, result: TargetResult): TargetModule => ({
  name,
  compile: () => ({ inert: false, run: () => result }),
});

/** A target of which nobody can say where it ends. */
export const unknownTarget = (reason: string, action: StepAction = 'continue'): CompiledTarget => {
  const result: TargetResult = { kind: 'verdict', verdict: 'unknown', action, reason };
  return { inert: false, run: () => result };
};

export const findOption = (spec: TargetSpec, name: string): RuleOption | undefined => spec.options.find((option) => option.name === name);

export const badTarget = (spec: TargetSpec): CompiledTarget =>
  unknownTarget(`the options of ${[spec.name, ...spec.options.map(printOption)].join(' ')} are not understood`);

/** A target that changes the packet by one of its options; the note says what changed. */
export const changingTarget = (
  name: string,
  action: StepAction,
  build: (
    spec: TargetSpec,
    context: TargetContext,
  ) => ((skb: Skb, hook: Hook) => { readonly skb: Skb; readonly note: string } | null) | null,
): TargetModule => ({
  name,
  compile: (spec, context) => {
    const change = build(spec, context);
    if (change === null) return badTarget(spec);
    return {
      inert: false,
      run: (skb, _env, hook) => {
        const changed = change(skb, hook);
        return changed === null ? { kind: 'continue', action, skb } : { kind: 'continue', action, ...changed };
      },
    };
  },
});

export const hex = (value: number): string => `0x${value.toString(16)}`;
