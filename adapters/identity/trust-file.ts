import { parseFingerprint } from '../../transports/identity/fingerprint.js';
import { KeptFile, readBounded } from './kept-file.js';
import { SessionError } from '../../machines/errors.js';
import type { Trust } from '../../machines/ports.js';
import { unlisted } from '../../machines/unlisted.js';
import { callable, checkOptions, count, members, optional } from '../options.js';

/** Where trusted fingerprints are kept, and how many. */
export interface TrustFileOptions {
  /** Normalises a peer's name for comparison; throws if it is not valid. Default: SHA-256 fingerprints. */
  readonly parse?: (text: string) => string;
  /** The maximum number of lines of the file; `add` refuses more. Default 10000. */
  readonly linesMax?: number;
  /** Called when a change could not be written; it stays in force in memory and is written again with the next one. */
  readonly onWriteFailed?: (error: Error) => void;
}

const OPTIONS = members({ parse: optional(callable), linesMax: optional(count), onWriteFailed: optional(callable) });
const LINE_BYTES_MAX = 1024;

/**
 * Trusted peers, one per line, each with a comment if you like; lines that begin with `#` are kept:
 *
 *     # the two in the cellar
 *     1f0a…c3  heat pump
 *     9b44…07  wallbox
 *
 * The file is read once, when it is opened, and written as a whole after each change; it belongs to one process at a time.
 */
export class TrustFile implements Trust {
  /** Lines by the peer that they trust; comments by a number, so that they keep their place. */
  readonly #lines = new Map<string, string>();
  readonly #parse: (text: string) => string;
  readonly #file: KeptFile;

  private constructor(
    readonly path: string,
    readonly options: TrustFileOptions,
  ) {
    this.#parse = options.parse ?? parseFingerprint;
    this.#file = new KeptFile(path, () => [...this.#lines.values(), ''].join('\n'), options.onWriteFailed);
    unlisted(this);
  }

  toJSON(): object {
    return { trustFile: this.path, peers: this.#lines.size };
  }

  /**
   * A missing file counts as empty, and is created by the first `add`.
   *
   * @throws SessionError `bad-option` for a file that can't be read, is too large, or has a line that names no peer
   */
  static async open(path: string, options: TrustFileOptions = {}): Promise<TrustFile> {
    checkOptions('TrustFile.open', OPTIONS, options);
    const trust = new TrustFile(path, options);
    const text = (await readBounded(path, trust.#linesMax * LINE_BYTES_MAX)) ?? '';
    for (const [index, line] of text.split(/\r?\n/).entries()) trust.#readLine(line.trimEnd(), index + 1);
    return trust;
  }

  has(peer: string): boolean {
    const name = this.#nameOf(peer);
    return name !== undefined && this.#lines.has(name);
  }

  /** @throws SessionError `bad-option` for a name that is not valid, `too-large` when the file is full */
  add(peer: string, comment = ''): void {
    const name = this.#parse(peer);
    if (this.#lines.has(name)) return;
    if (this.#lines.size >= this.#linesMax) {
      throw new SessionError('too-large', `${this.path} trusts as many as it may hold (${this.#linesMax} lines)`);
    }
    const words = comment.replace(/\s+/g, ' ').trim().slice(0, 200);
    this.#lines.set(name, words === '' ? name : `${name}  ${words}`);
    this.#file.changed();
  }

  remove(peer: string): void {
    const name = this.#nameOf(peer);
    if (name !== undefined && this.#lines.delete(name)) this.#file.changed();
  }

  /** Settles when every change so far is on disk, or could not be written. */
  async written(): Promise<void> {
    await this.#file.written();
  }

  get #linesMax(): number {
    return this.options.linesMax ?? 10_000;
  }

  #readLine(line: string, number: number): void {
    if (line === '') return;
    if (this.#lines.size >= this.#linesMax)
      throw new SessionError('bad-option', `${this.path} has more than ${this.#linesMax} lines`);
    if (line.startsWith('#')) return void this.#lines.set(`#${number}`, line);
    const [word = ''] = line.trim().split(/\s/, 1);
    try {
      this.#lines.set(this.#parse(word), line);
    } catch (cause) {
      throw new SessionError('bad-option', `${this.path}:${number}: ${(cause as Error).message}`, { cause });
    }
  }

  #nameOf(peer: string): string | undefined {
    try {
      return this.#parse(peer);
    } catch {
      return undefined; // No peer of that name can be trusted.
    }
  }
}
