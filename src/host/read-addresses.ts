/** `ip -j addr`: ip-address(8); keys as iproute2 ipaddress.c prints them. */
import { parseIp, prefixOf } from '../base/ip-address.ts';
import type { InterfaceAddress } from './facts.ts';
import { parseJsonList } from './json-list.ts';
import { asArray, asNumber, asObject, asString, type JsonObject, type Parsed } from './json-value.ts';
import { ADDRESS } from './shapes.ts';

const ipOf = (value: unknown) => {
  const text = asString(value);
  return text === null ? null : parseIp(text);
};

const FLAGS = ['tentative', 'dadfailed', 'deprecated', 'temporary', 'optimistic'] as const;

const flagsOf = (info: JsonObject): { readonly flags?: readonly string[] } => {
  const flags = FLAGS.filter((flag) => info[flag] === true);
  return flags.length === 0 ? {} : { flags };
};

export const readAddresses = (text: string, command: string): Parsed<readonly InterfaceAddress[] | null> => {
  const list = parseJsonList(text, command, ADDRESS);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const addresses: InterfaceAddress[] = [];
  for (const item of list.items) {
    const name = asString(item['ifname']);
    for (const entry of asArray(item['addr_info']) ?? []) {
      const info = asObject(entry);
      if (info === null) problems.push(`${command}: an address of ${name ?? 'an interface without name'} is no object`);
      if (info === null || Object.keys(info).length === 0) continue;
      const ip = ipOf(info['local']);
      if (name === null || ip === null) {
        problems.push(`${command}: an address without interface or value`);
        continue;
      }
      const peer = ipOf(info['address']);
      const length = asNumber(info['prefixlen']) ?? (ip.version === 4 ? 32 : 128);
      addresses.push({
        interface: name,
        ip,
        // With a peer the prefix is the peer's (ip-address(8): "peer ADDRESS").
        prefix: prefixOf(peer ?? ip, length),
        broadcast: ipOf(info['broadcast']),
        peer,
        scope: asString(info['scope']) ?? 'global',
        secondary: info['secondary'] === true || info['temporary'] === true,
        ...flagsOf(info),
      });
    }
  }
  return { value: addresses, problems };
};
