/** Names for saved sessions: `captures/web1-20261121-031405.pcapng`, in local time, of characters that need no quoting. */
import { DEFAULT_FOLDER } from './file-output.ts';

export const suggestFileName = (label: string, now: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const safe =
    label
      .replace(/[^A-Za-z0-9_.-]+/g, '-')
      .replace(/^[-.]+|-+$/g, '')
      .slice(0, 60) || 'capture';
  return `${DEFAULT_FOLDER}/${safe}-${day}-${time}.pcapng`;
};
