/**
 * The answer reaches the asker without the translation undone, from another address than was asked: it took a way past the host's
 * connection tracking, inside one bridge that br_netfilter does not show, or by another network of the container.
 */
import { sysctl } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const answerElsewhere: Cause = {
  id: 'answer-elsewhere',
  find: (subject) => {
    const { obstacle, target, src, dnat, family } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'answer-not-translated') return null;
    const name = `net.bridge.bridge-nf-call-${family === 4 ? 'iptables' : 'ip6tables'}`;
    const inside = src.bridge !== null && src.bridge === target.bridge;
    const unseen = inside && sysctl(subject, name) !== '1';
    return {
      sentence: `${target.name} answers ${src.name} directly, as ${by.about?.address ?? 'itself'} and not as ${dnat?.from ?? subject.spec.dst} that was asked: ${inside ? 'both are in one network, and the answer never passes the host' : 'it answers by another of its networks'}, so ${src.name} refuses the answer.`,
      evidence: [by.text, ...(unseen ? [`${name} = ${sysctl(subject, name) ?? 'absent: br_netfilter is not loaded'}`] : [])],
      ...(unseen
        ? {
            fix: `modprobe br_netfilter && sysctl -w ${name}=1`,
            fixFor: 'To have such answers pass the host (or ask the container by its name)',
          }
        : {}),
    };
  },
};
