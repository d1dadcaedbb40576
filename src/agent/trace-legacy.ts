/**
 * Reads what iptables-legacy's rules tell of traced packets: the kernel logs it by the family's logger (nf_log_trace), which must be
 * nfnetlink_log for it to come to NFLOG group 0, where tcpdump reads it. libpcap, pcap-netfilter-linux.c: it binds group and IPv4 itself.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Leash } from './leash.ts';
import { lastLine } from './programs.ts';
import { type LoggerFamily, type LoggerSetting, loggerPath, NFLOG } from './trace-keeper.ts';

const START_WITHIN_MS = 5000;
const STOP_WITHIN_MS = 2000;

/** Names of the legacy tables that exist, '' where none does. */
export const legacyTablesOf = (family: 4 | 6): string => {
  try {
    return readFileSync(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`, 'latin1').trim();
  } catch {
    return '';
  }
};

/** Rules that log into the kernel's log would fall silent with another logger. */
export const logsThroughLogger = (rules: string): boolean => / -j LOG\b|"log": |"name": "LOG"/.test(rules);

export class LegacyReader {
  readonly #family: LoggerFamily;
  readonly #loggers: readonly LoggerSetting[];
  readonly #records: (bytes: Buffer) => void;
  readonly #gone: (why: string) => void;
  #listens = false;
  #stopped = false;
  #leash: Leash | null = null;
  #ended: Promise<void> = Promise.resolve();
  #said = '';

  /** `gone` is called where tcpdump ends without having been stopped. */
  constructor(family: LoggerFamily, loggers: readonly LoggerSetting[], records: (bytes: Buffer) => void, gone: (why: string) => void) {
    this.#family = family;
    this.#loggers = loggers;
    this.#records = records;
    this.#gone = gone;
  }

  /** Null when records will come, else why not. */
  start(): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('tcpdump does not begin'), START_WITHIN_MS);
      const settle = (problem: string | null): void => {
        clearTimeout(timer);
        resolve(problem);
      };
      this.#ended = new Promise((ended) => {
        this.#leash = new Leash(['tcpdump', '-i', 'nflog:0', '-U', '-s', '0', '-w', '-'], {
          output: this.#records,
          error: (chunk) => {
            this.#said = (this.#said + chunk.toString('utf8')).slice(-4096);
            if (this.#listens || !/listening on/.test(this.#said)) return;
            this.#listens = true;
            settle(this.#setLoggers());
          },
          ended: () => {
            const why = lastLine(this.#said) || 'tcpdump has ended';
            settle(why);
            if (this.#listens && !this.#stopped) this.#gone(why);
            ended();
          },
        });
      });
    });
  }

  /** How many records the kernel could not hand over; null where tcpdump did not say. */
  async stop(): Promise<number | null> {
    this.#stopped = true;
    this.#leash?.release();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#ended,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_WITHIN_MS);
      }),
    ]);
    clearTimeout(timer);
    const dropped = /(\d+) packets? dropped by kernel/.exec(this.#said)?.[1];
    return dropped === undefined ? null : Number(dropped);
  }

  /** The family's own logger as it must be, and the other one as it was. */
  #setLoggers(): string | null {
    try {
      writeFileSync(loggerPath(this.#family), NFLOG);
      for (const { family, before } of this.#loggers) if (family !== this.#family) writeFileSync(loggerPath(family), before);
      return null;
    } catch (error) {
      return `net.netfilter.nf_log.${this.#family} cannot be set: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
