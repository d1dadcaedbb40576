/** The packet leaves with the container's own address, because the rule is gone or the network is set so. */
import { formatIp, inPrefix } from '../../base/ip-address.ts';
import { networkOn } from '../case.ts';
import type { Cause } from '../diagnosis.ts';
import { given, mentionsDevice, prefixValue, rulesetsOf, rulesIn } from '../rule-shape.ts';
import { rulingSentence, subnetOf } from '../words.ts';

export const noMasquerade: Cause = {
  id: 'no-masquerade',
  find: (subject) => {
    const { verdict, src, snat, outDevice, family } = subject;
    const network = src.network;
    const sourceIp = src.ip;
    if (verdict.outcome !== 'accept' || snat !== null || network === null || network.driver !== 'bridge' || sourceIp === null) return null;
    if (outDevice === null || verdict.out === 'local' || outDevice === src.bridge || networkOn(subject, outDevice) !== null) return null;
    if (!isUnroutable(sourceIp.a, family)) return null;
    const subnet = subnetOf(network, family) ?? 'its subnet';
    const blocked = subject.reply?.outcome === 'drop' || subject.reply?.outcome === 'reject';
    const setOff = ownAddressReason(network.options, family);
    if (setOff !== null) {
      const hostAddress = subject.facts.self.addresses?.find((address) => address.interface === outDevice && address.ip.version === family);
      const via = hostAddress === undefined ? 'THIS-HOST' : formatIp(hostAddress.ip);
      const sentence = `Network ${network.name} is set not to hide behind the host's address (${setOff}), so packets of ${src.name} leave ${outDevice} as ${subject.spec.src}`;
      if (blocked && subject.reply !== null) {
        return {
          sentence: `${sentence}; an answer to that address is not let in again.`,
          evidence: [`the answer: ${rulingSentence(subject.reply)}`],
          fix: `docker network create -o com.docker.network.bridge.gateway_mode_ipv${family}=routed …`,
          fixFor: 'To have it routed both ways, make the network anew (and tell the router outside the way back)',
        };
      }
      return {
        weight: subject.unanswered || subject.flow === null ? 'cause' : 'note',
        sentence: `${sentence}: whoever is asked must know the way back to ${subnet}.`,
        evidence: [`no SNAT and no MASQUERADE on the way; it leaves by ${outDevice}`],
        fix: `ip route add ${subnet} via ${via}`,
        fixFor: 'On the router outside, so that answers find back',
      };
    }
    const ruled = rulesetsOf(subject.facts, family).some((ruleset) =>
      rulesIn(ruleset, 'nat').some(({ rule }) => {
        const prefix = prefixValue(given(rule, '-s'));
        const translates = rule.target?.name === 'MASQUERADE' || rule.target?.name === 'SNAT';
        return (
          translates &&
          prefix !== null &&
          inPrefix(sourceIp, prefix) &&
          (mentionsDevice(rule, src.bridge ?? '') || given(rule, '-o') === outDevice)
        );
      }),
    );
    if (ruled) return null;
    return {
      sentence: `Packets of ${src.name} leave ${outDevice} with the container's own address ${subject.spec.src}, so answers cannot find the way back: the rule that would hide it behind the host's is not there.`,
      evidence: [`no rule of table nat translates ${subnet}`],
      fix: family === 4 ? `iptables -t nat -A POSTROUTING -s ${subnet} ! -o ${src.bridge} -j MASQUERADE` : 'systemctl restart docker',
      fixFor: 'To put it back (or: systemctl restart docker)',
    };
  },
};

/** The network's own options; com.docker.network.bridge.* (moby, drivers/bridge labels). */
const ownAddressReason = (options: Readonly<Record<string, string>>, family: 4 | 6): string | null => {
  if (options['com.docker.network.bridge.enable_ip_masquerade'] === 'false') return 'enable_ip_masquerade=false';
  const mode = options[`com.docker.network.bridge.gateway_mode_ipv${family}`];
  return mode === 'routed' ? `gateway_mode_ipv${family}=routed` : null;
};

/** RFC 1918, RFC 6598, RFC 2544 and RFC 4193: nobody outside has a route to these. */
const isUnroutable = (word: number, family: 4 | 6): boolean => {
  if (family === 6) return word >>> 25 === 0x7e;
  return word >>> 24 === 10 || word >>> 20 === 0xac1 || word >>> 16 === 0xc0a8 || word >>> 22 === 0x191 || word >>> 17 === 0x6309;
};
