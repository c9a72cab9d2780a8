import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { makeDirectory, readRegular } from './directories.js';
import { readIdentity, type OwnIdentity } from './certificate.js';
import { SessionError } from '../../machines/errors.js';

const KEY_FILE = 'key.pem';
const CERTIFICATE_FILE = 'cert.pem';
/** Keys and chains have a few KiB. Chosen without measurement. */
const FILE_BYTES_MAX = 1 << 20;

/**
 * Reads `key.pem` and `cert.pem` from a directory.
 *
 * @throws SessionError `bad-option`, with a message that names the file and what to do
 */
export async function loadIdentity(directory: string): Promise<OwnIdentity> {
  const key = await read(directory, KEY_FILE);
  const certificate = await read(directory, CERTIFICATE_FILE);
  try {
    return readIdentity(key, certificate);
  } catch (cause) {
    throw new SessionError('bad-option', `bad identity in ${directory}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Writes `key.pem` (readable by its owner alone) and `cert.pem`, and makes the directory if it isn't there.
 *
 * @param options.replace without it an identity that is there is kept, since peers may trust its key
 * @throws SessionError `bad-option` where there is one already, or the directory can't be written
 */
export async function saveIdentity(
  directory: string,
  identity: Pick<OwnIdentity, 'key' | 'certificate'>,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<void> {
  if (!replace && ((await exists(directory, KEY_FILE)) || (await exists(directory, CERTIFICATE_FILE)))) {
    throw new SessionError('bad-option', `${directory} already holds an identity; peers that trust it would not know a new one`);
  }
  try {
    await makeDirectory(directory, 0o700);
    await writeAtomically(join(directory, KEY_FILE), identity.key, 0o600);
    await writeAtomically(join(directory, CERTIFICATE_FILE), identity.certificate, 0o644);
  } catch (cause) {
    throw new SessionError('bad-option', `can't write an identity to ${directory}: ${messageOf(cause)}`, { cause });
  }
}

async function read(directory: string, file: string): Promise<string> {
  try {
    return await readRegular(join(directory, file), FILE_BYTES_MAX);
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `${file} is missing; \`holdfast cert --out ${directory}\` makes one` : messageOf(cause);
    throw new SessionError('bad-option', `no identity in ${directory}: ${why}`, { cause });
  }
}

async function exists(directory: string, file: string): Promise<boolean> {
  return access(join(directory, file)).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
