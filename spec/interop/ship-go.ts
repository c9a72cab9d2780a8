import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildShipGo, type ShipGoBuild } from './ship-go-program.js';
import type {
  ShipGoCounters,
  ShipGoEntry,
  ShipGoEvent,
  ShipGoEventName,
  ShipGoEventOf,
  ShipGoOptions,
} from './ship-go-events.js';
import { valueOfLine } from './line-of.js';

export { buildShipGo, shipGoAvailable, SHIP_GO_BUILDS, type ShipGoBuild } from './ship-go-program.js';
export * from './ship-go-events.js';

/** The oldest events are forgotten beyond this many. */
const eventsMax = 50_000;
const stderrCharsMax = 16_384;

interface Started {
  readonly ski: string;
  readonly port: number;
  readonly shipId: string;
  readonly certificate: string;
  readonly key: string;
  readonly version: string;
}

/** What the program beside this file writes. */
type Line = ShipGoEvent | { readonly re: number; readonly error?: string };

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Watcher {
  readonly see: (event: ShipGoEvent) => void;
  readonly fail: (error: Error) => void;
}

/** How long to wait for an event, and for which one. */
export interface EventSearch<Name extends ShipGoEventName> {
  /** Only events with a larger number; take it from `lastEvent` before the deed. Default 0: the past counts too. */
  readonly after?: number;
  /** Default: the first one. */
  readonly where?: (event: ShipGoEventOf<Name>) => boolean;
  /** Then it fails, with the events seen so far in its message. Default 10 000. */
  readonly withinMs?: number;
}

/**
 * A running ship-go process with one hub. Commands are promises that settle when ship-go's function has returned; what
 * follows from them arrives as events, kept in the order of ship-go's calls and never lost to a late listener:
 *
 * ```ts
 * const go = await ShipGo.start({ trusted: [peer.ski] });
 * await go.see([{ ski: peer.ski, port: peer.port }]);
 * await go.event('setup', { where: ({ ski }) => ski === peer.ski });
 * ```
 *
 * `stop` must be called: the process lives until then, or until this one ends.
 */
export class ShipGo {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending = new Map<number, Pending>();
  readonly #watchers = new Set<Watcher>();
  readonly #exited: Promise<void>;
  #commands = 0;
  #events: ShipGoEvent[] = [];
  #lastEvent = 0;
  #stderr = '';
  #ended: Error | undefined;
  #started: Started | undefined;

  private constructor(binary: string) {
    this.#child = spawn(binary, { stdio: 'pipe' });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax);
    });
    this.#child.stdin.on('error', () => {}); // A process that died says so by its exit.
    this.#child.on('error', (error) => this.#end(error));
    this.#exited = once(this.#child, 'close').then(([code, signal]) => {
      this.#end(new Error(`ship-go has ended (${String(code ?? signal)})${this.#stderr && `: ${this.#stderr}`}`));
    });
    this.#exited.catch(() => {});
  }

  /** Builds the program where necessary, starts it and its hub; the port is open when this resolves. */
  static async start(options: ShipGoOptions = {}, build?: ShipGoBuild): Promise<ShipGo> {
    const go = new ShipGo(await buildShipGo(build));
    try {
      await go.restart(options);
    } catch (error) {
      await go.stop();
      throw error;
    }
    return go;
  }

  /** Another hub in the same process, best after `shutdown`. */
  async restart(options: ShipGoOptions): Promise<void> {
    this.#started = await this.#command<Started>('start', { shipId: 'ship-go', ...options });
  }

  /** The hub's own SKI, 40 hex digits. */
  get ski(): string {
    return this.#hub.ski;
  }

  get port(): number {
    return this.#hub.port;
  }

  get shipId(): string {
    return this.#hub.shipId;
  }

  /** The version of the module github.com/enbility/ship-go that was linked in. */
  get version(): string {
    return this.#hub.version;
  }

  /** Certificate and key as PEM: give them to `start` for a successor with the same SKI. */
  get identity(): { readonly certificate: string; readonly key: string } {
    return { certificate: this.#hub.certificate, key: this.#hub.key };
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** All events so far, the oldest first; at most 50 000. */
  get events(): readonly ShipGoEvent[] {
    return this.#events;
  }

  /** The number of the newest event: `after` for those that follow. */
  get lastEvent(): number {
    return this.#lastEvent;
  }

  /** Lets go of all events so far, for tests that look at memory. */
  forget(): void {
    this.#events = [];
  }

  /** What ship-go and the Go runtime wrote to standard error, the last 16 KiB. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Trust a peer, or accept the one that is waiting: `RegisterRemoteSKI`. */
  async register(ski: string): Promise<void> {
    await this.#command('register', { ski });
  }

  /** `UnregisterRemoteSKI`. */
  async unregister(ski: string): Promise<void> {
    await this.#command('unregister', { ski });
  }

  /** Deny the one that is waiting, and trust it no more: `CancelPairingWithSKI`. */
  async cancel(ski: string): Promise<void> {
    await this.#command('cancel', { ski });
  }

  /** `DisconnectSKI`: announced where the handshake is complete. ship-go goes on trusting, so it may dial again. */
  async disconnect(ski: string, reason = ''): Promise<void> {
    await this.#command('disconnect', { ski, reason });
  }

  /**
   * Ends the newest connection that got as far as data. Without options the socket is dropped without a close frame;
   * with a reason a close frame is sent (code 4001 by default); `safe` announces first.
   */
  async close(ski: string, how: { safe?: boolean; code?: number; reason?: string } = {}): Promise<void> {
    await this.#command('close', { ski, ...how });
  }

  async setAutoAccept(on: boolean): Promise<void> {
    await this.#command('autoAccept', { on });
  }

  /** What `AllowWaitingForTrust` answers from now on. */
  async setAllowWaiting(on: boolean): Promise<void> {
    await this.#command('allowWaiting', { on });
  }

  /** Send every payload back to where it came from. */
  async setEcho(on: boolean): Promise<void> {
    await this.#command('echo', { on });
  }

  /** What ship-go remembers as a peer's SHIP ID for its next connections; empty for unknown. */
  async setShipId(ski: string, shipId: string): Promise<void> {
    await this.#command('shipId', { ski, shipId });
  }

  /** Replaces what its discovery sees, and reports it. */
  async see(entries: readonly ShipGoEntry[]): Promise<void> {
    const whole = entries.map((entry) => ({ host: '127.0.0.1', path: '/ship/', name: entry.ski, shipId: entry.ski, ...entry }));
    await this.#command('entries', { entries: whole });
  }

  /** `PairingDetailForSki` now (see `shipGoState`), whether the peer is trusted, and its remembered SHIP ID. */
  state(ski: string): Promise<{ state: number; trusted: boolean; knownShipId: string; cause?: string }> {
    return this.#command('state', { ski });
  }

  /** Sends a SPINE payload: JSON text with the single member `datagram`. Resolves when ship-go has taken it. */
  send(ski: string, payload: string, count = 1): Promise<{ bytes: number; sha256: string }> {
    return this.#command('send', { ski, payload, count });
  }

  /** Sends a made-up payload of exactly this many bytes, `{"datagram":{"fill":"abc…"}}`, at least 24. */
  sendFilled(ski: string, bytes: number, count = 1): Promise<{ bytes: number; sha256: string }> {
    return this.#command('send', { ski, bytes, count });
  }

  /** With `collect`, garbage goes first. */
  counters(collect = false): Promise<ShipGoCounters> {
    return this.#command('counters', { on: collect });
  }

  /** `Shutdown` of the hub; the process stays and can be watched. */
  async shutdown(): Promise<void> {
    await this.#command('shutdown', {});
  }

  /** The first event of this name that fits, past or to come. Rejects after `withinMs`, or when the process ends. */
  event<Name extends ShipGoEventName>(name: Name, search: EventSearch<Name> = {}): Promise<ShipGoEventOf<Name>> {
    const { after = 0, where = () => true, withinMs = 10_000 } = search;
    const fits = (event: ShipGoEvent): event is ShipGoEventOf<Name> =>
      event.event === name && event.n > after && where(event as ShipGoEventOf<Name>);
    const past = this.#events.find(fits);
    if (past) return Promise.resolve(past as ShipGoEventOf<Name>);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const watcher: Watcher = {
        fail,
        see: (event) => {
          if (!fits(event)) return;
          settle();
          resolve(event);
        },
      };
      const timer = setTimeout(
        () => fail(new Error(`no event '${name}' within ${withinMs} ms; seen:\n${this.#recent()}`)),
        withinMs,
      );
      this.#watchers.add(watcher);
    });
  }

  /** Waits for a message from a peer that holds this text; needs `log: true`. */
  async received(text: string, after = 0): Promise<void> {
    const isIt = (line: string): boolean => line.startsWith('Recv:') && line.includes(text);
    await this.event('log', { after, where: (entry) => entry.level === 'trace' && isIt(entry.text) });
  }

  /** Every event from `after` on, as it comes; ends with the process. */
  async *watch(after = 0): AsyncGenerator<ShipGoEvent, void> {
    let n = after;
    for (;;) {
      const past = this.#events.find((event) => event.n > n);
      if (past) {
        n = past.n;
        yield past;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            this.#watchers.delete(watcher);
            resolve();
          };
          const watcher: Watcher = { see: done, fail: done };
          this.#watchers.add(watcher);
        });
      }
    }
  }

  /** Ends the process: politely, and after two seconds not. Safe to call twice. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.kill(), 2_000);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the process as a power cut would: sockets close, nothing is said. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  get #hub(): Started {
    if (!this.#started) throw new Error('ship-go has not started');
    return this.#started;
  }

  /** The answer's type is the caller's word; the program beside this file keeps it. */
  #command<Answer>(name: string, more: object): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#commands;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: (answer) => resolve(answer as Answer),
        reject: (cause) => reject(new Error(`${name}: ${cause.message}`, { cause })),
      });
      this.#child.stdin.write(`${JSON.stringify({ id, do: name, ...more })}\n`);
    });
  }

  #read(line: string): void {
    const said = valueOfLine<Line>(line, this.#child);
    if (said === undefined) return;
    if (!('re' in said)) {
      if (this.#events.length >= eventsMax) this.#events = this.#events.slice(eventsMax / 2);
      this.#events.push(said);
      this.#lastEvent = said.n;
      for (const watcher of [...this.#watchers]) watcher.see(said);
      return;
    }
    const { re, error, ...answer } = said;
    const pending = this.#pending.get(re);
    this.#pending.delete(re);
    if (error === undefined) pending?.resolve(answer);
    else pending?.reject(new Error(error));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const each of [...this.#pending.values()]) each.reject(this.#ended);
    this.#pending.clear();
    for (const each of [...this.#watchers]) each.fail(this.#ended);
  }

  #recent(): string {
    const lines = this.#events.slice(-40).map((event) => JSON.stringify(event));
    return lines.join('\n') || '(none)';
  }
}
