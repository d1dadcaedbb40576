/**
 * Children of one parent that do not hear each other, and a parent that belongs to its only child: modes private, vepa and passthru
 * (drivers/net/macvlan.c; IPVLAN_F_PRIVATE and IPVLAN_F_VEPA).
 */
import type { Cause, Finding } from '../diagnosis.ts';

export const childrenApart: Cause = {
  id: 'children-apart',
  find: ({ obstacle, src, target }): Finding | null => {
    const by = obstacle?.verdict.decidedBy;
    const parent = by?.about?.device ?? 'its parent';
    const network = src.network?.name ?? target.network?.name ?? 'NETWORK';
    const renewed = `docker network inspect ${network} (then create it anew with -o macvlan_mode=bridge)`;
    switch (by?.reason) {
      case 'private-children':
        return {
          sentence: `${src.name} and ${target.name} hang on ${parent} in mode private, which keeps the children of one parent apart whatever the switch beside does.`,
          evidence: [by.text],
          fix: renewed,
          fixFor: 'To let them talk',
        };
      case 'reflecting-switch':
        return {
          sentence: `${src.name} and ${target.name} hang on ${parent} and are not joined inside it (mode vepa): only a switch there that sends frames back by the port they came from joins them.`,
          evidence: [by.text],
          fix: renewed,
          fixFor: 'To join them without such a switch',
        };
      case 'passthru-parent':
        return {
          sentence: `${parent} belongs to ${by.about?.container ?? 'a macvlan child'} (mode passthru): the host itself gets no frames by it.`,
          evidence: [by.text],
        };
      default:
        return null;
    }
  },
};
