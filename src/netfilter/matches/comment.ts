/** -m comment: words for people; always true. xt_comment.c. */
import type { MatchModule } from './condition.ts';

export const comment: MatchModule = { name: 'comment', compile: () => [] };
