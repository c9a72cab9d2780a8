import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The source of a page: a recording as lines of JSON. */
export interface Feed {
  /** All that is kept so far. */
  lines(): readonly string[];
  /** Calls back with each further line, and when there is no more. Missing: the recording is over. */
  watch?(onLine: (line: string) => void, onEnd: () => void): () => void;
}

export interface PageServerOptions {
  readonly feed: Feed;
  /** The page, and the facts that it asks for: made at the first request. */
  readonly page: (nonce: string) => Promise<string>;
  readonly facts: () => Promise<string>;
  readonly viewersMax: number;
}

/** Lines are gathered for this long, so that a busy engine costs a page at most twenty messages a second. */
const GATHER_MS = 50;
/** A viewer that doesn't read delays `close` no longer than this. */
const CLOSE_GRACE_MS = 500;
/** A viewer that leaves so much unread is dropped. A whole recording fits twice. */
const UNREAD_BYTES_MAX = 32 << 20;

/**
 * Serves one page to browsers of this machine: under a path that can't be guessed, to requests that name its own host and come
 * from no other page. It accepts no commands.
 */
export class PageServer {
  readonly #secret = randomBytes(16).toString('hex');
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));
  readonly #viewers = new Set<ServerResponse>();
  readonly #made = new Map<string, Promise<string>>();
  #gathered: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #hasEnded = false;
  #host = '';

  constructor(readonly options: PageServerOptions) {}

  get url(): string {
    return `http://${this.#host}/${this.#secret}/`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    this.#host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const { feed } = this.options;
    this.#unwatch = feed.watch?.(
      (line) => this.#gather(line),
      () => this.#end(),
    );
    this.#hasEnded = feed.watch === undefined;
  }

  async close(): Promise<void> {
    this.#unwatch?.();
    this.#send(); // Viewers want to see the last lines.
    for (const viewer of this.#viewers) viewer.end();
    const impatience = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(impatience);
  }

  #answer({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    // Refuse a foreign page that reaches this server by a host name of its own (DNS rebinding), or by its address.
    const isForeign = headers.origin !== undefined && headers.origin !== `http://${this.#host}`;
    if (headers.host !== this.#host || isForeign) return void response.writeHead(403).end();
    if (method !== 'GET') return void response.writeHead(405).end();
    const { page, facts } = this.options;
    if (url === `/${this.#secret}/`) return this.#show(response, 'text/html; charset=utf-8', () => page(this.#nonce));
    if (url === `/${this.#secret}/facts`) return this.#show(response, 'application/json', facts);
    if (url === `/${this.#secret}/stream`) return this.#follow(response);
    response.writeHead(404).end();
  }

  #show(response: ServerResponse, type: string, make: () => Promise<string>): void {
    const made = this.#made.get(type) ?? make();
    this.#made.set(type, made);
    made.then(
      (text) => response.writeHead(200, this.#headers(type)).end(text),
      (error: unknown) => {
        this.#made.delete(type); // A failed attempt may be repeated.
        response.writeHead(500, this.#headers('text/plain; charset=utf-8')).end(`The page can't be shown: ${String(error)}`);
      },
    );
  }

  #headers(type: string): Record<string, string> {
    return {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      // Styles stand in the pictures of charts as well; scripts in the page alone.
      'Content-Security-Policy': [
        `default-src 'none'; script-src 'nonce-${this.#nonce}'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:`,
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      ].join('; '),
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    };
  }

  #follow(response: ServerResponse): void {
    if (this.#viewers.size >= this.options.viewersMax) return void response.writeHead(503).end();
    this.#send(); // Gathered lines are in the feed as well: no viewer gets them twice.
    response.writeHead(200, this.#headers('text/event-stream'));
    response.write('event: begin\ndata:\n\n');
    response.write(messageOf(this.options.feed.lines()));
    if (this.#hasEnded) return void response.end(END);
    this.#viewers.add(response);
    response.on('close', () => this.#viewers.delete(response));
  }

  #gather(line: string): void {
    if (this.#viewers.size === 0) return;
    this.#gathered.push(line);
    this.#timer ??= setTimeout(() => this.#send(), GATHER_MS).unref();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#gathered;
    this.#gathered = [];
    if (lines.length > 0) this.#broadcast(messageOf(lines));
  }

  #end(): void {
    this.#send();
    this.#hasEnded = true;
    for (const viewer of this.#viewers) viewer.end(END);
  }

  #broadcast(message: string): void {
    for (const viewer of this.#viewers) {
      if (viewer.writableLength > UNREAD_BYTES_MAX) viewer.destroy();
      else viewer.write(message);
    }
  }
}

const END = 'event: end\ndata:\n\n';

/** One message of an event stream; lines of JSON have no line breaks inside. */
function messageOf(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}
