import type { z } from 'zod';
import { lockFile } from '../identity/file-lock.js';
import { checkWritable, KeptFile, readBounded } from '../identity/kept-file.js';
import { SessionError } from '../../machines/errors.js';
import { normaliseSki, skiOr } from './ski.js';
import type { ShipTrust, TrustedService } from './trust.js';
import { unlisted } from '../../machines/unlisted.js';
import { callable, checkOptions, count, members, optional } from '../options.js';

/** The limit and the error callback of a trust file. */
export interface ShipTrustFileOptions {
  /** The maximum number of services; `set` refuses one more. Default 10000. */
  readonly servicesMax?: number;
  /** Called when a change could not be written; it stays in force in memory and is written again with the next one. */
  readonly onWriteFailed?: (error: Error) => void;
}

const OPTIONS = members({ servicesMax: optional(count), onWriteFailed: optional(callable) });

/** The maximum size of a file: far more than ten thousand services need. */
const FILE_BYTES_MAX = 16 << 20;
const FORMAT = 'holdfast-ship-trust';
const VERSION = 1;

/** Members that a later version adds to a service are kept as they are. */
const schemaOf = ({ object, looseObject, literal, array, string }: typeof z) =>
  object({
    format: literal(FORMAT, { error: `expected '${FORMAT}'` }),
    version: literal(VERSION, { error: `only version ${VERSION} can be read here` }),
    services: array(
      looseObject({
        ski: string({ error: 'expected 40 hex digits' }),
        shipId: string({ error: 'expected a SHIP id' }).min(1, { error: 'expected a SHIP id' }).optional(),
      }),
      { error: 'expected a list' },
    ),
  });

/**
 * Trusted services and their SHIP ids on disk, as JSON that people can read:
 *
 *     { "format": "holdfast-ship-trust", "version": 1, "services": [{ "ski": "1f0a…c3", "shipId": "i:46925_wallbox" }] }
 *
 * The file is read once, when it is opened, and replaced as a whole after each change, so that it is never half written; it
 * belongs to one process at a time, which a lock beside it (`….lock`) ensures; a lock that a crash left behind is taken over. A
 * file that can't be parsed is an error, and stays as it is: pairings are not guessed.
 */
export class ShipTrustFile implements ShipTrust {
  readonly #services = new Map<string, TrustedService>();
  readonly #file: KeptFile;
  #unlock: (() => Promise<void>) | undefined;
  #listeners = new Set<(error: Error) => void>();

  private constructor(
    readonly path: string,
    readonly options: ShipTrustFileOptions,
  ) {
    this.#file = new KeptFile(
      path,
      () => this.#text(),
      (error) => this.#failed(error),
    );
    unlisted(this);
  }

  toJSON(): object {
    return { trustFile: this.path, services: this.#services.size };
  }

  /**
   * A missing file is an empty store, and is created by the first `set`.
   *
   * @throws SessionError `bad-option` for one that can't be read or parsed, whose directory can't be written to, or that another
   *   process uses; the message names the file and the place
   */
  static async open(path: string, options: ShipTrustFileOptions = {}): Promise<ShipTrustFile> {
    checkOptions('ShipTrustFile.open', OPTIONS, options);
    const trust = new ShipTrustFile(path, options);
    await checkWritable(path);
    trust.#unlock = await lockFile(path);
    try {
      const text = await readBounded(path, FILE_BYTES_MAX);
      if (text !== undefined) for (const service of await servicesOf(text, path)) trust.#take(service);
      return trust;
    } catch (error) {
      await trust.close();
      throw error;
    }
  }

  has(ski: string): boolean {
    return this.get(ski) !== undefined;
  }

  get(ski: string): TrustedService | undefined {
    return this.#services.get(ski) ?? this.#services.get(skiOr(ski, ''));
  }

  /** @throws SessionError `bad-option` for an invalid SKI, `too-large` when the file is full */
  set({ shipId, ...service }: TrustedService): void {
    const ski = normaliseSki(service.ski);
    const { shipId: _, ...kept } = this.#services.get(ski) ?? { ski };
    if (!this.#services.has(ski) && this.#services.size >= this.#servicesMax) {
      throw new SessionError('too-large', `${this.path} trusts as many as it may hold (${this.#servicesMax} services)`);
    }
    this.#services.set(ski, { ...kept, ...service, ski, ...(shipId === undefined ? {} : { shipId }) });
    this.#file.changed();
  }

  remove(ski: string): void {
    if (this.#services.delete(skiOr(ski, ''))) this.#file.changed();
  }

  values(): Iterable<TrustedService> {
    return this.#services.values();
  }

  /** Settles when every change so far is on disk, or could not be written. */
  async written(): Promise<void> {
    await this.#file.written();
  }

  /**
   * Writes pending changes, and releases the file for other processes. Call it when this process is done with pairings and
   * continues to run; `Hub.shutdown` does. A process that ends without it leaves no lock behind: the lock goes with an orderly
   * exit, and one that a kill left behind is taken over. But a process that exits before `written()` loses the changes of that
   * moment. The file can still be read from and changed afterwards.
   */
  async close(): Promise<void> {
    await this.written();
    const unlock = this.#unlock;
    this.#unlock = undefined;
    await unlock?.();
  }

  /** Adds a listener for changes that could not be written. The returned function removes it. */
  onFailed(listener: (error: Error) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #failed(error: Error): void {
    this.options.onWriteFailed?.(error);
    for (const listener of [...this.#listeners]) listener(error);
  }

  /** Why the last change could not be written; undefined if it was written. */
  get failure(): Error | undefined {
    return this.#file.failure;
  }

  get #servicesMax(): number {
    return this.options.servicesMax ?? 10_000;
  }

  #take(service: TrustedService): void {
    if (this.#services.has(service.ski)) throw unfit(this.path, `the SKI ${service.ski} comes twice`);
    if (this.#services.size >= this.#servicesMax) throw unfit(this.path, `more than ${this.#servicesMax} services`);
    this.#services.set(service.ski, service);
  }

  #text(): string {
    return `${JSON.stringify({ format: FORMAT, version: VERSION, services: [...this.#services.values()] }, null, 2)}\n`;
  }
}

async function servicesOf(text: string, path: string): Promise<TrustedService[]> {
  if (text.trim() === '') throw unfit(path, 'it is empty; remove it to begin without trusted peers');
  const { z } = await import('zod'); // Loaded only for a file: it slows down sessions of other kinds (`spec/decisions/0008`).
  const found = schemaOf(z).safeParse(parse(text, path));
  if (!found.success) {
    const [issue] = found.error.issues;
    throw unfit(path, `${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'not understood'}`);
  }
  return found.data.services.map(({ ski, shipId, ...rest }, index) => {
    try {
      return { ...rest, ski: normaliseSki(ski), ...(shipId === undefined ? {} : { shipId }) };
    } catch (cause) {
      throw unfit(path, `services.${index}.ski: ${(cause as Error).message}`);
    }
  });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unfit(path, (cause as Error).message);
  }
}

function unfit(path: string, reason: string): SessionError {
  return new SessionError('bad-option', `can't understand the trusted services in ${path}: ${reason}`);
}
