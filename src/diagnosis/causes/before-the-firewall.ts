/** Packets are seen on the interface and the rule that must count them counts none: something takes them earlier (tc, eBPF, XDP). */
import type { Cause } from '../diagnosis.ts';

export const beforeTheFirewall: Cause = {
  id: 'before-the-firewall',
  find: ({ notCounted, inDevice, verdict }) => {
    if (!notCounted || inDevice === null || verdict.outcome === 'undetermined') return null;
    return {
      weight: 'note',
      sentence: `Packets come in by ${inDevice}, yet the rule that should see them counts none: what takes packets before the firewall is not seen here, such as tc filters, eBPF and XDP programs.`,
      evidence: [`predicted: ${verdict.outcome} by ${verdict.decidedBy.text}`],
      fix: `tc filter show dev ${inDevice} ingress; ip -d link show dev ${inDevice}`,
      fixFor: 'To see whether something of the kind is there',
    };
  },
};
