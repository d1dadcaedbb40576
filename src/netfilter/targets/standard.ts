/** ACCEPT, DROP and RETURN: the verdicts of the tables themselves. iptables(8), "TARGETS". */
import { finalTarget, type TargetModule } from './target.ts';

export const accept: TargetModule = finalTarget('ACCEPT', { kind: 'verdict', verdict: 'accept', action: 'accept' });
export const drop: TargetModule = finalTarget('DROP', { kind: 'verdict', verdict: 'drop', action: 'drop' });
export const returnTarget: TargetModule = finalTarget('RETURN', { kind: 'return' });
