/** A table of nftables beside Docker's, with a chain at the same hook; an accept elsewhere cannot overrule its drop. */
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';

export const nativeNftables: Cause = {
  id: 'native-nftables',
  find: (subject) => {
    const { obstacle } = subject;
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.backend !== 'nftables' || obstacle.verdict.outcome === 'accept') return null;
    const bridge = [subject.inDevice, subject.outDevice].find((device) => networkOn(subject, device) !== null) ?? null;
    const closed = /policy drop/.test(by.text);
    const doubt = obstacle.verdict.outcome === 'undetermined';
    return {
      sentence: `An nftables table of its own (${by.family ?? 'inet'} ${by.table}) also has a say${closed ? ' and drops what it does not accept' : ''}; an accept in Docker's rules cannot overrule it.${doubt ? ' Its rules are not evaluated here, so this cannot be said for sure.' : ''}`,
      evidence: [by.text],
      ...(closed && bridge !== null
        ? {
            fix: `nft add rule ${by.family ?? 'inet'} ${by.table} ${by.chain} iifname ${bridge} accept`,
            fixFor: `To let ${bridge} through it (answers need: oifname ${bridge} ct state established,related accept)`,
          }
        : { fix: `nft list table ${by.family ?? 'inet'} ${by.table}`, fixFor: 'To see its rules' }),
    };
  },
};
