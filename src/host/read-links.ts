/** `ip -j -d link`: ip-link(8); keys as iproute2 ipaddress.c prints them. */

import type { Link } from './facts.ts';
import { parseJsonList } from './json-list.ts';
import { asNumber, asObject, asString, type Parsed, stringsOf } from './json-value.ts';
import { LINK } from './shapes.ts';

export const readLinks = (text: string, command: string): Parsed<readonly Link[] | null> => {
  const list = parseJsonList(text, command, LINK);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const links: Link[] = [];
  for (const item of list.items) {
    const ifindex = asNumber(item['ifindex']);
    const name = asString(item['ifname']);
    if (ifindex === null || name === null) {
      problems.push(`${command}: a link without ifindex or ifname`);
      continue;
    }
    const info = asObject(item['linkinfo']);
    const linkName = asString(item['link']);
    const netnsid = asNumber(item['link_netnsid']);
    const address = asString(item['address']);
    links.push({
      ifindex,
      name,
      linkIndex: asNumber(item['link_index']),
      linkName,
      linkNetnsid: linkName === null ? netnsid : null,
      master: asString(item['master']),
      kind: asString(info?.['info_kind']),
      flags: stringsOf(item['flags']),
      operstate: asString(item['operstate']) ?? 'UNKNOWN',
      mtu: asNumber(item['mtu']) ?? 0,
      mac: address !== null && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(address) ? address.toLowerCase() : null,
      data: asObject(info?.['info_data']) ?? {},
      portData: asObject(info?.['info_slave_data']) ?? {},
    });
  }
  // A peer in the same namespace is printed by name; its number follows from the list itself.
  const indexOf = new Map(links.map((link) => [link.name, link.ifindex]));
  return {
    value: links.map((link) =>
      link.linkIndex === null && link.linkName !== null ? { ...link, linkIndex: indexOf.get(link.linkName) ?? null } : link,
    ),
    problems,
  };
};
