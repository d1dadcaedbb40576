/** The host gets the ping and is told not to answer: icmp_echo_ignore_all and its kin in ip-sysctl.rst. */
import type { Cause } from '../diagnosis.ts';

export const echoIgnored: Cause = {
  id: 'echo-ignored',
  find: ({ obstacle }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'echo-ignored') return null;
    const name = by.about?.sysctl ?? 'net.ipv4.icmp_echo_ignore_all';
    return {
      sentence: `The ping reaches the host, which is set to leave ${name.endsWith('broadcasts') ? 'pings to all' : 'every ping'} unanswered.`,
      evidence: [by.text],
      fix: `sysctl -w ${name}=0`,
      fixFor: 'To have it answer',
    };
  },
};
