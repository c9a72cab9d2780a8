import type { Recording, RecordingLine } from '../recording/format.js';
import { headerSchema, LINE_TYPES, lineSchema } from './schema.js';

/** A recording that can't be read: which line, and what is wrong with it. */
export class RecordingError extends Error {
  constructor(
    readonly line: number,
    readonly fault: string,
  ) {
    super(`line ${line}: ${fault}`);
  }
}

/** A recording as far as it could be read. */
export interface ReadRecording {
  readonly recording: Recording;
  /** Why the rest was left out, e.g. because the file ends in the middle of a line; undefined: there is none. */
  readonly warning: string | undefined;
  /** Lines of types that this version doesn't know. They are left out. */
  readonly unknownLines: number;
}

/**
 * Reads a recording. A file whose last line is broken, as after a crash, is read up to there, with a warning. Throws `RecordingError` where
 * the first line is no header of this version, and for a broken line in the middle.
 */
export function readRecording(content: string): ReadRecording {
  const texts = content.split('\n');
  const isComplete = texts.at(-1) === '';
  if (isComplete) texts.pop();
  const header = headerOf(texts[0] ?? '');
  const lines: Exclude<RecordingLine, { type: 'header' }>[] = [];
  let unknownLines = 0;
  for (let at = 1; at < texts.length; at++) {
    try {
      const line = lineOf(texts[at]!, at + 1);
      if (line === undefined) unknownLines++;
      else lines.push(line);
    } catch (error) {
      if (at < texts.length - 1 || !(error instanceof RecordingError)) throw error;
      const warning = `line ${at + 1} is cut off: the ${at} lines before it were read`;
      return { recording: { header, lines }, warning, unknownLines };
    }
  }
  return { recording: { header, lines }, warning: undefined, unknownLines };
}

function headerOf(text: string): Recording['header'] {
  const value = jsonOf(text, 1, 'expected the header of a recording');
  const { format, version } = value as { format?: unknown; version?: unknown };
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (format !== 'holdfast-recording')
    throw new RecordingError(1, 'expected the header of a recording, {"type":"header","format":"holdfast-recording",…}');
  if (version !== 1)
    throw new RecordingError(
      1,
      `expected version 1 of the format, got ${JSON.stringify(version)}; use the release that wrote it`,
    );
  throw new RecordingError(1, faultOf(parsed.error));
}

/** Undefined for a type that is not known here. */
function lineOf(text: string, number: number): Exclude<RecordingLine, { type: 'header' }> | undefined {
  const value = jsonOf(text, number, 'expected a JSON object');
  const { type } = value as { type?: unknown };
  if (typeof type === 'string' && !LINE_TYPES.has(type)) return undefined;
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) throw new RecordingError(number, faultOf(parsed.error));
  if (parsed.data.type === 'header') throw new RecordingError(number, 'expected one header, on the first line');
  return parsed.data;
}

function jsonOf(text: string, number: number, expected: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RecordingError(number, `${expected}, got ${text === '' ? 'nothing' : JSON.stringify(text.slice(0, 60))}`);
  return value;
}

function faultOf({
  issues,
}: {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): string {
  const [first] = issues;
  return first === undefined ? 'not a line of a recording' : `${first.path.map(String).join('.') || 'type'}: ${first.message}`;
}
