/** The kubelet drops packets for 127.0.0.0/8 that do not come from there (CVE-2020-8558). */
import type { Cause } from '../diagnosis.ts';
import { given, givenNot, prefixValue, stops } from '../rule-shape.ts';
import { rulingSentence } from '../words.ts';

export const kubeFirewall: Cause = {
  id: 'kube-firewall',
  find: ({ obstacle }) => {
    const rule = obstacle?.rule ?? null;
    if (obstacle === null || rule === null || !stops(rule)) return null;
    const to = prefixValue(given(rule, '-d'));
    const from = prefixValue(givenNot(rule, '-s'));
    if (to === null || from === null || to.address.version !== 4 || to.address.a >>> 24 !== 127 || from.address.a >>> 24 !== 127)
      return null;
    return {
      sentence:
        'Kubernetes keeps packets for 127.0.0.0/8 out that come from elsewhere: its firewall on this host drops it before Docker has a say.',
      evidence: [rulingSentence(obstacle.verdict)],
    };
  },
};
