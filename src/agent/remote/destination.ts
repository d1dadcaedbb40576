/** `ssh://user@host:port`, or what one would tell ssh: `user@host`, an alias of ssh_config(5). */
import { usageError } from '../../base/errors.ts';

export interface Destination {
  readonly user: string | null;
  readonly host: string;
  readonly port: number | null;
  /** As people say it. */
  readonly name: string;
}

const SHAPE = /^(?:ssh:\/\/)?(?:([^@/\s:]+)@)?(\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[^@/\s:[\]]+)(?::(\d{1,5}))?\/?$/;

/** Throws a usage error for what ssh could take for an option, or nobody for a host. */
export const parseDestination = (text: string): Destination => {
  const [, user = null, written = '', portText] = SHAPE.exec(text) ?? [];
  const host = written.replace(/^\[(.*)\]$/, '$1');
  const port = portText === undefined ? null : Number(portText);
  const isBad = host === '' || host.startsWith('-') || user?.startsWith('-') === true || port === 0 || (port ?? 0) > 65_535;
  if (isBad) throw usageError(`${text} names no machine`, { hint: 'vethscope --on ssh://user@host:22, or --on host as in ~/.ssh/config' });
  return { user, host, port, name: `${user === null ? '' : `${user}@`}${host}${port === null ? '' : `:${port}`}` };
};

export const destinationArguments = ({ user, host, port }: Destination): string[] => [
  ...(port === null ? [] : ['-p', String(port)]),
  ...(user === null ? [] : ['-l', user]),
  '--',
  host,
];
