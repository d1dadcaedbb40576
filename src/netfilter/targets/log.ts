/** LOG, NFLOG, ULOG, AUDIT, TRACE: write about the packet and let it go on. xt_LOG.c, xt_NFLOG.c, xt_AUDIT.c, xt_TRACE.c. */
import { findOption, inertTarget, type TargetModule } from './target.ts';

const prefixOf =
  (name: string) =>
  (spec: Parameters<typeof findOption>[0]): string | undefined =>
    findOption(spec, name)?.values[0];

export const log: TargetModule = inertTarget('LOG', 'log', prefixOf('--log-prefix'));
export const nflog: TargetModule = inertTarget('NFLOG', 'log', prefixOf('--nflog-prefix'));
export const ulog: TargetModule = inertTarget('ULOG', 'log', prefixOf('--ulog-prefix'));
export const audit: TargetModule = inertTarget('AUDIT', 'log');
export const trace: TargetModule = inertTarget('TRACE', 'log');
