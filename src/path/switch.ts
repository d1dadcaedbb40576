/** A switch of the kernel on the packet's way: followed as it is set, and both ways where that is not known. */
import type { Switch } from './sysctls.ts';
import type { DecidedBy, DecisionReason } from './verdict.ts';
import { assume, type Walk } from './walk.ts';

/** A drop that a sysctl decides. `device`: the interface that it was asked of, whatever interface's value counted. */
export const bySysctl = (
  setting: { readonly name?: string; readonly text: string },
  reason: DecisionReason,
  device: string,
): DecidedBy => ({
  kind: 'sysctl',
  text: setting.text,
  reason,
  about: setting.name === undefined ? { device } : { device, sysctl: setting.name },
});

export const ifSwitch = <T>(
  walk: Walk,
  setting: Switch<T>,
  holds: (value: T) => boolean,
  yes: (walk: Walk) => readonly Walk[],
  no: (walk: Walk) => readonly Walk[],
): readonly Walk[] => {
  if (setting.value !== null) return holds(setting.value) ? yes(walk) : no(walk);
  const by: DecidedBy = { kind: 'sysctl', text: setting.text };
  return [
    ...yes(assume(walk, `${setting.text} is not known: taken as set`, by)),
    ...no(assume(walk, `${setting.text} is not known: taken as unset`, by)),
  ];
};
