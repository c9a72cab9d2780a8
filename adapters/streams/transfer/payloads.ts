/**
 * The records that are JSON, read strictly: a field that is there is what it says, or the record is none; fields that are
 * unknown are for later versions. By hand, because a schema library beside a session halves what it carries
 * (`spec/decisions/0008`). Pure.
 */
export type JsonRecord =
  /** Sender, first. */
  | {
      readonly kind: 'offer';
      readonly hash: 'sha256';
      readonly files: readonly OfferedFile[];
      /** Another offer follows on the same stream, when these files are done. */
      readonly more?: true;
    }
  /** Receiver, in the order of the offer. */
  | { readonly kind: 'accept'; readonly files: readonly AcceptedFile[] }
  /** Either side: the transfer is over, for this reason. */
  | { readonly kind: 'failed'; readonly code: TransferCode; readonly message: string };

export interface OfferedFile {
  readonly name: string;
  /** Bytes; null where unknown, as of standard input. */
  readonly size: number | null;
  /** Permission bits. */
  readonly mode?: number | undefined;
  readonly mtimeMs?: number | undefined;
}

export interface AcceptedFile {
  /** The receiver has so many bytes already, */
  readonly offset: number;
  /** whose digest is this. */
  readonly sha256: string;
}

/** Why a transfer failed. */
export const TRANSFER_CODES = [
  'bad-name',
  'exists',
  'busy',
  'disk-full',
  'permission',
  'source-changed',
  'digest',
  'malformed',
  'io',
] as const;
/** Why a transfer can't succeed as it is, in a word (`spec/rules/transfers.md`). */
export type TransferCode = (typeof TRANSFER_CODES)[number];

/** Files in one offer; more are offered in rounds. */
export const FILES_MAX = 4096;

type Fields = Readonly<Record<string, unknown>>;

/** Undefined: it is none. */
export function readBody(kind: JsonRecord['kind'], value: unknown): JsonRecord | undefined {
  if (!hasFields(value)) return undefined;
  switch (kind) {
    case 'offer': {
      const files = listOf(value['files'], offeredFile);
      return files === undefined || files.length === 0 || value['hash'] !== 'sha256'
        ? undefined
        : { kind, hash: 'sha256', files, ...(value['more'] === true ? { more: true } : {}) };
    }
    case 'accept': {
      const files = listOf(value['files'], acceptedFile);
      return files === undefined ? undefined : { kind, files };
    }
    case 'failed': {
      const { code, message } = value;
      if (typeof message !== 'string' || message.length > 1000) return undefined;
      return { kind, code: TRANSFER_CODES.find((each) => each === code) ?? 'io', message };
    }
  }
}

export function hasFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function offeredFile({ name, size, mode, mtimeMs }: Fields): OfferedFile | undefined {
  const isRight =
    typeof name === 'string' &&
    (size === null || isCount(size)) &&
    (mode === undefined || (isCount(mode) && mode <= 0o7777)) &&
    (mtimeMs === undefined || (typeof mtimeMs === 'number' && Number.isFinite(mtimeMs)));
  if (!isRight) return undefined;
  return { name, size, ...(mode === undefined ? {} : { mode }), ...(mtimeMs === undefined ? {} : { mtimeMs }) };
}

function acceptedFile({ offset, sha256 }: Fields): AcceptedFile | undefined {
  return isCount(offset) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? { offset, sha256 } : undefined;
}

/** Undefined: one of them is none, or there are too many. */
function listOf<Item>(value: unknown, read: (fields: Fields) => Item | undefined): Item[] | undefined {
  if (!Array.isArray(value) || value.length > FILES_MAX) return undefined;
  const items: Item[] = [];
  for (const each of value) {
    const item = hasFields(each) ? read(each) : undefined;
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
