/** The host has no way to the destination, or one that says no. */
import type { Cause } from '../diagnosis.ts';

export const noRoute: Cause = {
  id: 'no-route',
  find: ({ obstacle, target, src }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.kind !== 'route' || obstacle.verdict.outcome === 'accept' || obstacle.verdict.outcome === 'undetermined')
      return null;
    const end = obstacle.direction === 'reply' ? src : target;
    const martian = /^martian (source|destination)/.exec(by.text)?.[1];
    const down = /^(\S+) is down$/.exec(by.text)?.[1];
    // `no route in web1 …` is said of the container's own table, by a diagnosis of its own.
    const none = by.text.startsWith('no route') && !by.text.startsWith('no route in ');
    const prohibiting = /^(blackhole|unreachable|prohibit)/.test(by.text);
    if (martian === undefined && down === undefined && !none && !prohibiting) return null;
    const told = obstacle.verdict.steps.find((step) => step.action === 'drop')?.note;
    return {
      sentence:
        martian !== undefined
          ? `The kernel takes the ${martian} address for impossible on that interface (a "martian"), and drops the packet silently.`
          : down !== undefined
            ? `The way to ${end.name} leads by ${down}, which is down.`
            : none
              ? `The host has no route to ${end.name}.`
              : `The host has a route for ${end.name} that refuses: ${by.text}.`,
      evidence: [told === undefined ? by.text : `${by.text}; ${told}`],
      ...(down === undefined ? {} : { fix: `ip link set ${down} up`, fixFor: 'To bring it up' }),
    };
  },
};
