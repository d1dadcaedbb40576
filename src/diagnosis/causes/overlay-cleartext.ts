/** A rule drops VXLAN that comes in without IPsec: an encrypted overlay network whose peer sends clear text. */
import type { Cause } from '../diagnosis.ts';
import { option, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const overlayCleartext: Cause = {
  id: 'overlay-cleartext',
  find: ({ obstacle, src }) => {
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule)) return null;
    if (option(rule, '--pol')?.values[0] !== 'none' && option(rule, 'meta secpath') === null) return null;
    return {
      sentence: `The overlay network is encrypted, and ${src.name} sends its frames in clear text: IPsec between the two nodes is not set up, or ESP (IP protocol 50) is blocked between them.`,
      evidence: [rulingSentence(obstacle.verdict)],
      fix: 'ip xfrm state; ip xfrm policy',
      fixFor: 'On both nodes, to see whether they have keys for each other',
    };
  },
};
