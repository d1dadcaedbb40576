/** An overlay network takes packets that do not fit into the way out together with what the tunnel adds (RFC 7348 section 4.3). */
import { vxlansIn } from '../../host/vxlan.ts';
import { isEncrypted } from '../../path/overlay/ipsec.ts';
import { ESP_OVERHEAD, headroom } from '../../path/overlay/outer.ts';
import type { Cause } from '../diagnosis.ts';

export const overlayMtu: Cause = {
  id: 'overlay-mtu',
  find: ({ verdict, src, facts, outDevice, protocol, family, whole }) => {
    const name = src.endpoint?.host?.kind === 'overlay' ? src.endpoint.host.namespace : null;
    const way = outDevice ?? whole.verdict.out;
    if (name === null || way === null || verdict.outcome !== 'accept' || protocol !== 'tcp') return null;
    const hidden = facts.namespaces.find(({ path }) => path?.endsWith(`/${name}`) === true);
    const device = hidden === undefined ? undefined : vxlansIn(hidden.facts)[0];
    const out = facts.self.links?.find((link) => link.name === way);
    if (device === undefined || out === undefined || device.vni === null) return null;
    const added = headroom(family === 6 ? 4 : family) + (isEncrypted(src.network) ? ESP_OVERHEAD : 0);
    if (device.mtu + added <= out.mtu) return null;
    return {
      weight: 'note',
      sentence: `Overlay network ${src.endpoint?.network ?? name} takes packets of ${device.mtu} bytes, its tunnel adds ${added}, and ${out.name} takes only ${out.mtu}: connections begin and then hang or crawl with large data.`,
      evidence: [`mtu ${device.mtu} of ${device.name} in ${name}, mtu ${out.mtu} of ${out.name}`],
      fix: `docker network create -d overlay -o com.docker.network.driver.mtu=${out.mtu - added} …`,
      fixFor: 'To have a network that fits (its MTU is fixed when it is created)',
    };
  },
};
