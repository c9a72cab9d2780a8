import { InvalidArgumentError } from 'commander';
import { ConnectError } from '../index.js';
import { CLOSINGS, type Closing } from '../../machines/closing.js';
import { SessionError, UndeliveredError, type MisuseCode } from '../../machines/errors.js';

/** The command line is wrong: exit code 2. */
export class Misuse extends Error {}

/** The command failed: exit code 1. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly advice?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An error as it is printed. */
export interface Failure {
  /** 1: the command failed. 2: the command line is wrong. */
  readonly exitCode: 1 | 2;
  /** A closing's, a misuse's or the operating system's code, to search for. */
  readonly code: string;
  readonly message: string;
  /** A remedy. */
  readonly advice?: string;
}

/** Errors that another command line avoids; other misuse of the library is a defect of this program. */
const CALLERS: readonly MisuseCode[] = ['bad-option', 'bad-address', 'no-transport', 'no-protocol', 'insecure', 'too-large'];

/** Describes the error that ended a command. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Misuse || error instanceof InvalidArgumentError)
    return { exitCode: 2, code: 'misuse', message: error.message };
  if (error instanceof ConnectError) return because(error.closing, error.message);
  if (error instanceof Failed && isClosing(error.cause)) return because(error.cause, error.message, error.advice);
  if (error instanceof Failed)
    return { exitCode: 1, code: 'failed', message: error.message, ...(error.advice ? { advice: error.advice } : {}) };
  if (error instanceof UndeliveredError && isClosing(error.cause)) return because(error.cause, error.message);
  if (error instanceof SessionError) {
    if (isClosing(error.cause)) return because(error.cause, error.message);
    return { exitCode: CALLERS.includes(error.code) ? 2 : 1, code: error.code, message: error.message };
  }
  if (error instanceof Error) return { exitCode: 1, code: codeOf(error), message: error.message };
  return { exitCode: 1, code: 'failed', message: String(error) };
}

/** Describes a session that failed: the reason, the details of the closing, and a remedy. */
export function failedBy(closing: Closing, advice: string = CLOSINGS[closing.code].advice): Failed {
  const { cause, message, rule } = closing.detail ?? {};
  const known = [rule, message, cause?.reason ?? cause?.code].filter((each) => each !== undefined);
  return new Failed(`${closing.reason}${known.length === 0 ? '' : ` (${known.join(', ')})`}`, advice, { cause: closing });
}

function because({ code }: Closing, message: string, advice: string = CLOSINGS[code].advice): Failure {
  return { exitCode: 1, code, message, advice };
}

function isClosing(cause: unknown): cause is Closing {
  return typeof cause === 'object' && cause !== null && 'side' in cause && 'code' in cause && (cause.code as string) in CLOSINGS;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'internal';
}
