/** A table of nftables beside Docker's, with a chain at the same hook; an accept elsewhere cannot overrule its drop. nft(8) "CHAINS". */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { isDockersTable } from '../native-rule.ts';
import { deciderWords } from '../words.ts';

export const nativeNftables: Cause = {
  id: 'native-nftables',
  find: (subject) => {
    const { obstacle } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.backend !== 'nftables' || isDockersTable(by) || obstacle.verdict.outcome === 'accept') return null;
    const table = `${by.family ?? 'inet'} ${by.table ?? ''}`;
    const bridge = [subject.inDevice, subject.outDevice].find((device) => networkOn(subject, device) !== null) ?? null;
    if (by.kind === 'policy' && bridge !== null) {
      return {
        sentence: `An nftables table of its own (${table}) also has a say and drops what it does not accept; an accept in Docker's rules cannot overrule it.`,
        evidence: [by.text],
        fix: `nft add rule ${table} ${by.chain ?? ''} iifname ${bridge} accept`,
        fixFor: `To let ${bridge} through it (answers need: oifname ${bridge} ct state established,related accept)`,
      };
    }
    const does = { drop: 'drops it', reject: 'refuses it', undetermined: 'may decide it' }[obstacle.verdict.outcome];
    return {
      sentence: `An nftables table (${table}) also has a say: ${deciderWords(by)} ${does}, and an accept in other tables cannot overrule it.`,
      evidence: [by.text],
      fix: `nft -a list chain ${table} ${by.chain ?? ''}`,
      fixFor: 'To see its rules with the handles by which they are changed',
    };
  },
};
