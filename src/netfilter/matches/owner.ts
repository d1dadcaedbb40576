/** -m owner: whose socket the packet comes from. A packet without one fails every test that is not negated. xt_owner.c. */
import { type Ask, optionMatch } from './condition.ts';

const ownerAsk = (): Ask => (skb) => (skb.local ? 'whose socket the packet comes from is not known' : false);

export const owner = optionMatch('owner', {
  '--uid-owner': ownerAsk,
  '--gid-owner': ownerAsk,
  '--socket-exists': ownerAsk,
});
