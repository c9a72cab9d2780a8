import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkOptionNames } from '../../machines/arguments.js';
import type { Charts } from '../draw.js';
import type { LiveView } from '../live.js';

/** Where the inspector is shown. */
export interface ServeLiveOptions {
  /** On 127.0.0.1. Default 0: the system chooses. */
  readonly port?: number;
  /** Browsers that may be connected at once; more get 503. Default 16. */
  readonly viewersMax?: number;
}

/** A running inspector. */
export interface LiveServer {
  /** Open it in a browser of this machine. It contains a secret. */
  readonly url: string;
  /** Resolves when the port is free; pages keep the last state. Safe to call twice. */
  close(): Promise<void>;
}

/** Loads charts when they are first requested. */
export type ChartsLoader = () => Charts | Promise<Charts>;

/** Changes are gathered for this long, so that a busy engine costs a page at most twenty frames a second. */
const FRAME_MS = 50;
/** A viewer that doesn't read delays `close` no longer than this. */
const FAREWELL_MS = 500;

/**
 * Shows running charts in a browser: every chart as it is drawn, with the current states of actors highlighted. Only for this
 * machine, and only for users that have the address: it listens on loopback, under a path that can't be guessed, and accepts no
 * commands. The charts of this package come with pictures; those of other machines need the package `elkjs`, and are lists of
 * states without it. The page is built at the first request; `charts` may be a function that loads them then. Rejects if the port
 * is not available.
 */
export async function serveLive(
  view: LiveView,
  charts: Charts | ChartsLoader,
  options: ServeLiveOptions = {},
): Promise<LiveServer> {
  checkOptionNames('serveLive', options, 'port', 'viewersMax');
  const { port = 0, viewersMax = 16 } = options;
  const nonce = randomBytes(16).toString('hex');
  const make = async (): Promise<string> => {
    // Only at the first request: the address has to be available at once.
    const [{ graphOf }, { pageOf }] = await Promise.all([import('../graph.js'), import('./page.js')]);
    const loaded = typeof charts === 'function' ? await charts() : charts;
    return pageOf(Object.values(loaded).map(graphOf), nonce);
  };
  const shown = new Shown(view, make, nonce, viewersMax);
  await shown.listen(port);
  return { url: shown.url, close: () => shown.close() };
}

class Shown {
  readonly #secret = randomBytes(16).toString('hex');
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));
  readonly #viewers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #host = '';
  #page: Promise<string> | undefined;

  constructor(
    readonly view: LiveView,
    readonly makePage: () => Promise<string>,
    readonly nonce: string,
    readonly viewersMax: number,
  ) {}

  get url(): string {
    return `http://${this.#host}/${this.#secret}/`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    this.#host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    this.#unwatch = this.view.watch(() => this.#changed());
  }

  async close(): Promise<void> {
    this.#unwatch?.();
    if (this.#timer !== undefined) this.#frame(); // Viewers want to see the last changes.
    for (const viewer of this.#viewers) viewer.end();
    const impatience = setTimeout(() => this.#server.closeAllConnections(), FAREWELL_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(impatience);
  }

  #answer({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    // Refuse a foreign page that reaches this server by a host name of its own (DNS rebinding).
    if (headers.host !== this.#host) return void response.writeHead(403).end();
    if (method !== 'GET') return void response.writeHead(405).end();
    if (url === `/${this.#secret}/`) return this.#showPage(response);
    if (url === `/${this.#secret}/events`) return this.#follow(response);
    response.writeHead(404).end();
  }

  #showPage(response: ServerResponse): void {
    this.#page ??= this.makePage();
    this.#page.then(
      (page) => response.writeHead(200, this.#headers('text/html; charset=utf-8')).end(page),
      (error: unknown) => {
        this.#page = undefined; // A failed attempt may be repeated.
        response.writeHead(500, this.#headers('text/plain; charset=utf-8')).end(`The charts can't be shown: ${String(error)}`);
      },
    );
  }

  #headers(type: string): Record<string, string> {
    return {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      'Content-Security-Policy': `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${this.nonce}'; connect-src 'self'`,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    };
  }

  #follow(response: ServerResponse): void {
    if (this.#viewers.size >= this.viewersMax) return void response.writeHead(503).end();
    response.writeHead(200, this.#headers('text/event-stream')).write(this.#message());
    this.#viewers.add(response);
    response.on('close', () => this.#viewers.delete(response));
  }

  #changed(): void {
    if (this.#timer !== undefined || this.#viewers.size === 0) return;
    this.#timer = setTimeout(() => this.#frame(), FRAME_MS);
    this.#timer.unref();
  }

  /** A frame is the whole state: a slow viewer misses some frames, but nothing of the current state. */
  #frame(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const message = this.#message();
    for (const viewer of this.#viewers) {
      if (!viewer.writableNeedDrain) viewer.write(message);
      else if (viewer.listenerCount('drain') === 0) viewer.once('drain', () => this.#changed());
    }
  }

  #message(): string {
    return `data: ${JSON.stringify(this.view.state)}\n\n`;
  }
}
