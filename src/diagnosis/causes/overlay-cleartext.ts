/** A rule drops VXLAN that comes in without IPsec: an encrypted overlay network whose peer sends clear text. */
import type { Rule } from '../../netfilter/ruleset.ts';
import type { Cause } from '../diagnosis.ts';
import { option, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

const isAboutClearText = (rule: Rule): boolean => option(rule, '--pol')?.values[0] === 'none' || option(rule, 'meta secpath') !== null;

export const overlayCleartext: Cause = {
  id: 'overlay-cleartext',
  inside: true,
  find: ({ obstacle, src }) => {
    if (obstacle === null) return null;
    const { rule, verdict } = obstacle;
    const { tunnel, kind, text } = verdict.decidedBy;
    // Of another host's rule only the text is at hand.
    const about =
      rule === null ? tunnel !== undefined && kind === 'rule' && / --pol none /.test(text) : stops(rule) && isAboutClearText(rule);
    if (!about || verdict.outcome === 'accept') return null;
    const sender = tunnel?.src ?? src.name;
    return {
      sentence: `The overlay network is encrypted, and ${sender} sends its frames in clear text: IPsec between the two nodes is not set up, or ESP (IP protocol 50) is blocked between them.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: 'ip xfrm state; ip xfrm policy',
      fixFor: 'On both nodes, to see whether they have keys for each other',
    };
  },
};
