/** A bridge port that is set not to let the frame pass: isolated, locked, not flooded, another VLAN. bridge(8), net/bridge/br_forward.c. */
import type { DecisionReason } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';

const SETTINGS = new Map<DecisionReason, { readonly says: string; readonly fix: (port: string) => string }>([
  [
    'port-isolated',
    { says: 'both ports are isolated, and such ports talk to others only', fix: (port) => `bridge link set dev ${port} isolated off` },
  ],
  ['port-locked', { says: 'the port is locked and does not know the sender', fix: (port) => `bridge link set dev ${port} locked off` }],
  [
    'port-flood-off',
    { says: 'the port neither learns addresses nor gets frames for unknown ones', fix: (port) => `bridge link set dev ${port} flood on` },
  ],
  [
    'fdb-elsewhere',
    { says: 'a fixed entry of the forwarding database sends the frame to another port', fix: (port) => `bridge fdb show brport ${port}` },
  ],
  ['vlan', { says: "the ports' VLANs do not meet", fix: (bridge) => `ip link set ${bridge} type bridge vlan_filtering 0` }],
]);

export const bridgePort: Cause = {
  id: 'bridge-port',
  find: ({ obstacle, src, target }) => {
    const by = obstacle?.verdict.decidedBy;
    const setting = by?.reason === undefined ? undefined : SETTINGS.get(by.reason);
    const device = by?.about?.device;
    if (obstacle === null || by === undefined || setting === undefined || device === undefined) return null;
    return {
      sentence: `The bridge between ${src.name} and ${target.name} keeps them apart before any rule is asked: ${setting.says}.`,
      evidence: [by.text],
      fix: setting.fix(device),
      fixFor: by.reason === 'fdb-elsewhere' ? 'To see the entries of that port' : 'To undo that setting',
    };
  },
};
