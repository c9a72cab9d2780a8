import { NAME_BYTES_MAX } from './codec.js';

/** The prefix of this program's own files while a file is incomplete. */
export const PARTIAL_FILE_PREFIX = '.holdfast-';

/** Names that are devices on Windows, in every directory and with every extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?$/i;

/**
 * The fault of a file name that a peer sent; undefined when it is safe. A name is one component, so
 * that it can't leave the directory; names of devices are refused everywhere, since directories are shared and copied.
 * @rule XFER-3
 */
export function faultOf(name: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'it names no file';
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) return `it is longer than ${NAME_BYTES_MAX} bytes`;
  if (/[/\\]/.test(name)) return 'it is a path';
  if (hasControls(name)) return 'it has control characters';
  if (/\p{Surrogate}/u.test(name)) return 'it is no Unicode text';
  if (name.startsWith(PARTIAL_FILE_PREFIX))
    return `names that begin with ${PARTIAL_FILE_PREFIX} are kept for what is not complete`;
  if (DEVICE.test(name.replace(/[ .]+$/, ''))) return 'it names a device';
  if (platform === 'win32' && (/[<>:"|?*]/.test(name) || /[ .]$/.test(name))) return 'Windows does not allow it';
  return undefined;
}

function hasControls(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
