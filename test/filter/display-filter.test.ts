import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDisplayFilter } from '../../src/filter/display-filter.ts';
import { FIELDS } from '../../src/filter/fields.ts';
import { FilterProblem } from '../../src/filter/problem.ts';
import type { FilterRow } from '../../src/filter/row.ts';
import { ip } from '../addresses.ts';
import { rowOf, seen, verdictOf } from './rows.ts';

const isolation = { chain: 'DOCKER-ISOLATION-STAGE-2', rule: 1, text: '-A DOCKER-ISOLATION-STAGE-2 -o br-5e1c -j DROP' };
const dropped = rowOf({}, { verdict: seen(verdictOf('drop', isolation)) });
const masqueraded = rowOf(
  { b: ip('203.0.113.2'), bPort: 443 },
  {
    bName: '203.0.113.2',
    verdict: seen(
      verdictOf(
        'accept',
        {},
        {
          nat: [
            {
              kind: 'masquerade',
              from: '172.18.0.2:40000',
              to: '203.0.113.1:40000',
              by: { table: 'nat', chain: 'POSTROUTING', rule: 1, text: '-A POSTROUTING -j MASQUERADE' },
            },
          ],
          steps: [{ hook: 'forward', table: 'filter', chain: 'DOCKER-USER', rule: 1, text: '-A DOCKER-USER -j RETURN', action: 'return' }],
          out: 'eth0',
        },
      ),
      verdictOf('reject', { chain: 'INPUT', rule: 2, text: '-A INPUT -j REJECT' }),
    ),
  },
);
const ping = rowOf(
  { kind: 'icmp-echo', protocol: 1, aPort: -1, bPort: -1, packets: [12, 0] },
  { protocol: 'icmp echo', state: '12 sent 0 back' },
);
const several = rowOf({ a: ip('fd00::2'), version: 6 }, { aName: 'multi (net1) or sidecar', protocol: 'udp' });

const holds = (text: string, row: FilterRow): boolean => parseDisplayFilter(text)(row);

describe('a display filter', () => {
  it.each<[string, FilterRow, boolean]>([
    ['', ping, true],
    ['verdict:drop', dropped, true],
    ['verdict:drop', masqueraded, false],
    ['verdict:drop,accept', masqueraded, true],
    ['verdict!=drop', dropped, false],
    ['verdict:none', ping, true],
    ['VERDICT:DROP', dropped, true],
    ['reply:reject', masqueraded, true],
    ['container:web1', dropped, true],
    ['container:web', dropped, false],
    ['container:web*', dropped, true],
    ['container:multi', several, true],
    ['container:sidecar', several, true],
    ['container:"multi (net1)"', several, true],
    ['src:web1 dst:web2', dropped, true],
    ['src:web2', dropped, false],
    ['host:172.18.0.0/16', dropped, true],
    ['host:172.19.0.0/16', dropped, false],
    ['dst:203.0.113.2', masqueraded, true],
    ['host:fd00::/64', several, true],
    ['host:198.18.*', dropped, true],
    ['port:80', dropped, true],
    ['port:80', ping, false],
    ['port!=80', ping, true],
    ['port:8000-9000,80', dropped, true],
    ['dport:40000', dropped, false],
    ['sport>1023', dropped, true],
    ['sport:>1023', dropped, true],
    ['sport<=1023', dropped, false],
    ['proto:icmp', ping, true],
    ['proto:tcp', ping, false],
    ['state:"0 back"', ping, true],
    ['rule:DOCKER-ISOLATION', dropped, true],
    ['rule:docker-isolation-stage-2#1', dropped, true],
    ['rule:DOCKER-ISOLATION-STAGE-2#2', dropped, false],
    ['rule:filter/FORWARD', masqueraded, true],
    ['rule:nat/FORWARD', masqueraded, false],
    ['rule:INPUT', masqueraded, true],
    ['rule:"-o br-5e1c"', dropped, true],
    ['rule:DOCKER-USER', masqueraded, false],
    ['step:DOCKER-USER', masqueraded, true],
    ['nat:masquerade', masqueraded, true],
    ['nat:any', dropped, false],
    ['nat:none', dropped, true],
    ['out:eth0', masqueraded, true],
    ['decided:rule', dropped, true],
    ['decided:sysctl', dropped, false],
    ['evidence:predicted', dropped, true],
    ['is:unanswered', ping, true],
    ['is:answered', dropped, true],
    ['is:ipv6', several, true],
    ['is:translated', masqueraded, true],
    ['mac:02:42:ac:*', dropped, true],
    ['packets>=12', ping, true],
    ['packets>12', ping, false],
    ['bytes<1k', dropped, true],
    ['rtt<1ms', dropped, true],
    ['rtt>100us', dropped, true],
    ['web2', dropped, true],
    ['isolation', dropped, true],
    ['nothing', dropped, false],
    ['"web1"', dropped, true],
    ['fd00::2', several, true],
    ['fd00::3', several, false],
    ['203.0.113.1', masqueraded, true],
    ['verdict:drop web1', dropped, true],
    ['verdict:drop and web3', dropped, false],
    ['verdict:drop or web3', dropped, true],
    ['verdict:accept || verdict:drop', dropped, true],
    ['not verdict:drop', dropped, false],
    ['!verdict:drop', masqueraded, true],
    ['!(verdict:drop or port:443)', masqueraded, false],
    ['(proto:icmp or proto:tcp) and not port:443', ping, true],
    // and binds more closely than or
    ['proto:udp or proto:tcp verdict:accept', dropped, false],
  ])('%s', (text, row, expected) => {
    expect(holds(text, row)).toBe(expected);
  });

  it.each<[string, number, RegExp, RegExp]>([
    ['verdict:dropp', 8, /verdict cannot be dropp/, /accept, drop, reject/],
    ['web1 verdct:drop', 5, /no field verdct/, /is it verdict/],
    ['qq:1', 0, /no field qq/, /fields: verdict,/],
    ['port:http', 5, /http is no number here/, /80, 8000-9000/],
    ['port:90-80', 5, /ends before it begins/, /80-90|write/],
    ['packets>1,2', 10, /takes one number/, /./],
    ['container>web1', 0, /has no order/, /container:web\*/],
    ['container:', 10, /needs a value/, /container:web/],
    ['(verdict:drop', 0, /not closed/, /put a \)/],
    ['verdict:drop)', 12, /without a \(/, /./],
    ['verdict:drop or', 15, /missing at the end/, /./],
    ['or web1', 0, /or has nothing before it/, /./],
    ['state:"no answer', 6, /quotation mark/, /"/],
    [`${'('.repeat(65)}a`, 64, /too many parentheses/, /64/],
  ])('refuses %s', (text, at, message, hint) => {
    let problem: unknown;
    try {
      parseDisplayFilter(text);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(FilterProblem);
    expect(problem).toMatchObject({ at, message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
  });

  it('takes the example of every field', () => {
    for (const { example, name } of FIELDS) expect(() => holds(example, dropped), name).not.toThrow();
  });

  it('either finds or says what is wrong, whatever is typed', () => {
    const piece = fc.oneof(
      fc.constantFrom('verdict:', 'drop', ' or ', ' and ', '!', '(', ')', ',', '"', ':', '>', 'port', 'rtt>', '10ms', 'web*', ' '),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        try {
          for (const row of [dropped, ping, several]) expect(typeof holds(text, row)).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(FilterProblem);
          expect((error as FilterProblem).at).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('finds exactly the others when it is negated', () => {
    const rows = [dropped, masqueraded, ping, several];
    for (const { example } of FIELDS) {
      for (const row of rows) expect(holds(`not (${example})`, row), example).toBe(!holds(example, row));
    }
  });
});
