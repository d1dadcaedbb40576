/** What rewriting a frame needs at every depth. Packets lie in packets, so the layers reach each other through this and not by imports. */
import type { Maps } from './maps.ts';

/** Rewrites what begins at `at` and returns where the part that may be kept ends. */
export type RewriteInner = (bytes: Uint8Array, at: number, end: number, context: FrameContext, depth: number) => number;

export interface FrameContext {
  readonly maps: Maps;
  readonly ethernet: RewriteInner;
  readonly ipv4: RewriteInner;
  readonly ipv6: RewriteInner;
}

/** What the checksums of the transport layer cover beside its own bytes. */
export interface PseudoHeader {
  readonly before: number;
  readonly after: number;
  /** Length of the transport's header and data as the IP header tells it. */
  readonly length: number;
}
