/** The path screen's lines: what had a say without being a rule stands among the rules, in the kernel's order. */
import { describe, expect, it } from 'vitest';
import { answerBetween } from '../../src/path/question.ts';
import { pathPlainText } from '../../src/ui/path-lines.ts';
import type { PathContent } from '../../src/ui/state/path.ts';
import type { PathScreen } from '../../src/ui/state/screens.ts';
import { scene } from '../path/scene.ts';

const world = scene('28.5');
const linesOf = (src: string, dst: string, proto: string, whyNot: boolean, more: Partial<PathContent> = {}): string => {
  const { words, verdict } = answerBetween(world.model, world.topology, src, dst, proto, { explain: true });
  const content: PathContent = {
    title: words,
    verdict,
    hasReply: true,
    counted: null,
    natCounted: [],
    isContradicted: false,
    assumptions: [],
    changes: [],
    why: [],
    trail: null,
    ...more,
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

  it('shows both tuples where a translation lies between them, once for each hook', () => {
    const text = linesOf('outside', 'host', 'tcp:8080', false);
    const tuples = text.split('\n').filter((line) => line.includes('sent as'));
    expect(tuples).toHaveLength(3);
    expect(tuples[0]).toMatch(/^ {25}packet 203\.0\.113\.2:\d+ → 172\.17\.0\.\d+:80, sent as 203\.0\.113\.2:\d+ → 203\.0\.113\.1:8080$/);
    expect(text).toMatch(/FORWARD +filter +FORWARD #1 .*\n +packet .* sent as/);
    expect(linesOf('web1', 'web2', 'icmp', false)).not.toContain('sent as');
  });

  it('says how many connections the translating rules counted', () => {
    const counts = [
      { by: 'nat DOCKER #3', connections: 2 },
      { by: 'nat POSTROUTING #1', connections: null },
    ];
    const text = linesOf('outside', 'host', 'tcp:8080', false, { natCounted: counts });
    expect(text).toContain('counted  nat DOCKER #3: +2 connections since the flow began');
    expect(text).toContain('counted  nat POSTROUTING #1: has no counter');
  });

  it('says where what was seen contradicts it', () => {
    expect(linesOf('web1', 'web2', 'icmp', false, { isContradicted: true })).toContain('predicted DROP · CONTRADICTED by what was seen');
  });

  it('shows a chain that is come back to once', () => {
    const text = linesOf('web1', 'outside', 'tcp:80', true);
    expect(text.match(/^ {4}FORWARD filter DOCKER-ISOLATION-STAGE-1$/gm)).toHaveLength(1);
  });

  it('says of rules that did not match what the packet has', () => {
    expect(linesOf('web1', 'web2', 'tcp:80', true)).toMatch(
      /PREROUTING raw PREROUTING\n +#1 .* ✗ -d 172\.18\.0\.2\/32: the packet has destination 198\.18\.20\.2/,
    );
  });
});
