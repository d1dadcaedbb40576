/** The path screen's lines: what had a say without being a rule stands among the rules, in the kernel's order. */
import { describe, expect, it } from 'vitest';
import { answerBetween } from '../../src/path/question.ts';
import { pathPlainText } from '../../src/ui/path-lines.ts';
import type { PathContent } from '../../src/ui/state/path.ts';
import type { PathScreen } from '../../src/ui/state/screens.ts';
import { scene } from '../path/scene.ts';

const world = scene('28.5');
const linesOf = (src: string, dst: string, proto: string, whyNot: boolean): string => {
  const { words, verdict } = answerBetween(world.model, world.topology, src, dst, proto, { explain: true });
  const content: PathContent = {
    title: words,
    verdict,
    hasReply: true,
    counted: null,
    assumptions: [],
    changes: [],
    why: [],
  };
  const screen: PathScreen = { kind: 'path', source: { kind: 'question', src, dst, proto }, direction: 'there', whyNot, top: 0 };
  return pathPlainText(content, screen).join('\n');
};

describe('the path of a packet', () => {
  it('has connection tracking, checks and delivery between the rules, numbered as they come', () => {
    const text = linesOf('outside', 'host', 'tcp:8080', false);
    expect(text).toMatch(
      /^ {2}1 PREROUTING +raw +PREROUTING policy ACCEPT\n {2}2 +tracking +NEW · not seen before\n {2}3 +nat +PREROUTING #1/m,
    );
    expect(text).toMatch(/check +net\.ipv4\.ip_forward = 1 · the host forwards/);
    expect(text).toMatch(/delivery +delivered to pub \(bridge\)$/m);
  });

  it('says of rules that did not match what the packet has', () => {
    expect(linesOf('web1', 'web2', 'tcp:80', true)).toMatch(
      /raw PREROUTING #1 .* ✗ -d 172\.18\.0\.2\/32: the packet has destination 198\.18\.20\.2/,
    );
  });
});
