import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createRelay, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { createEngine, type Connection, type Engine, type EngineEvent } from '../../adapters/index.js';
import { resume } from '../../adapters/resume/index.js';
import { websocket } from '../../transports/websocket.js';

/** The built package in a real browser, against an engine in this process, through a proxy that counts and cuts. */

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isThere = existsSync(executablePath);
const isRequired = process.env['CI'] !== undefined && process.env['CI'] !== '';
if (!isThere && !isRequired) process.stderr.write(`Skipped: there is no Chromium at ${executablePath} (set CHROMIUM).\n`);

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** What runs in the page: a connection, and what it has brought, under `globalThis.held`. */
const PROGRAM = `
  import { createEngine } from './dist/adapters/index.js';
  import { resume } from './dist/adapters/resume/index.js';
  import { websocket } from './dist/transports/websocket.browser.js';

  const url = new URLSearchParams(location.search).get('to');
  const engine = createEngine({ transports: [websocket()], protocols: [resume()] });
  const told = [];
  engine.on(({ type }) => type !== 'state' && told.push(type));
  await engine.start();
  const connection = await engine.connect(url);
  const got = [];
  let written = 0;
  connection.onMessage = (message) => got.push(new DataView(message.buffer, message.byteOffset).getUint32(0));
  globalThis.held = {
    got,
    told,
    write(count) {
      for (let i = 0; i < count; i++) {
        const message = new Uint8Array(4);
        new DataView(message.buffer).setUint32(0, written++);
        connection.write(message);
      }
    },
  };
`;

/** Between browser and engine: counts what is dialed, and cuts it. */
class Relay {
  dials = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  constructor(targetPort: number) {
    this.#server = createRelay((near) => {
      this.dials++;
      const far = connect(targetPort, '127.0.0.1');
      for (const [from, to] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy()).on('close', () => to.destroy());
        from.pipe(to);
      }
    });
  }
  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port)),
    );
  }
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }
  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

interface Held {
  readonly held: { readonly got: number[]; readonly told: string[]; write(count: number): void };
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

(isThere || isRequired ? describe : describe.skip)('browser/chromium', () => {
  let folder = '';
  let context: BrowserContext;
  let web: Server;
  let engine: Engine;
  let relay: Relay;
  let page: Page;
  let got: number[] = [];
  const events: EngineEvent[] = [];
  const waits: (() => void)[] = [];

  /** Looks again after each event of the server and each message. */
  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => waits.push(resolve));
  }
  const news = (): void => {
    for (const look of waits.splice(0)) look();
  };
  const count = (type: EngineEvent['type']): number => events.filter((event) => event.type === type).length;
  const serve = (far: Connection<unknown>): void => {
    far.onMessage = (message) => {
      got.push(Buffer.from(message as Uint8Array).readUInt32BE(0));
      far.write(message);
      news();
    };
  };

  beforeAll(async () => {
    if (!isThere)
      throw new Error(`this test needs Chromium at ${executablePath}: apt-get install chromium, or set CHROMIUM to its path`);
    const { outputFiles } = await build({
      stdin: { contents: PROGRAM, resolveDir: join(__dirname, '../..') },
      ...{ bundle: true, write: false, format: 'esm', platform: 'browser', logLevel: 'silent' },
    });
    const program = outputFiles[0]!.text;
    web = createServer((request, response) => {
      const isProgram = request.url === '/program.js';
      response.setHeader('content-type', isProgram ? 'text/javascript' : 'text/html');
      response.end(
        isProgram ? program : '<!doctype html><title>holdfast</title><script type="module" src="/program.js"></script>',
      );
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    engine = createEngine({
      transports: [websocket({ origins: [new URL(pageUrl()).origin] })],
      protocols: [resume()],
      listen: ['ws://127.0.0.1:0'],
    });
    engine.on((event) => {
      events.push(event);
      if (event.type === 'connected') serve(event.connection);
      news();
    });
    await engine.start();
    folder = mkdtempSync(join(tmpdir(), 'holdfast-chromium-'));
    context = await chromium.launchPersistentContext(folder, { executablePath, headless: true, args: FLAGS });
  }, 120_000);

  afterAll(async () => {
    await context?.close();
    await engine?.shutdown();
    await new Promise<void>((resolve) => (web === undefined ? resolve() : void web.close(() => resolve())));
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  beforeEach(async () => {
    relay = new Relay(Number(new URL(engine.addresses[0]!).port));
    const port = await relay.listen();
    got = [];
    events.length = 0;
    page = await context.newPage();
    await page.goto(`${pageUrl()}?to=ws://127.0.0.1:${port}`);
    await page.waitForFunction('globalThis.held');
  }, 60_000);

  afterEach(async () => {
    await page.close();
    await until(() => count('closing') === 1); // Or it would be counted in the next test.
    await relay.close();
  }, 60_000);

  const pageUrl = (): string => `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  const write = (n: number): Promise<void> => page.evaluate((each) => (globalThis as unknown as Held).held.write(each), n);
  /** Everything has come once and in order, here and there. */
  async function complete(total: number): Promise<void> {
    await until(() => got.length >= total);
    await page.waitForFunction((n) => (globalThis as unknown as Held).held.got.length >= n, total);
    expect(got).toEqual(upTo(total));
    expect(await page.evaluate(() => (globalThis as unknown as Held).held.got)).toEqual(upTo(total));
  }

  test('browser/chromium: messages go both ways exactly once over offline and online, and nothing is dialed offline', async () => {
    await write(500);
    await context.setOffline(true);
    await write(500);
    relay.cut();
    await until(() => count('lost') === 1);
    await page.waitForFunction(() => (globalThis as unknown as Held).held.told.includes('lost'));
    await write(500);
    expect(relay.dials).toBe(1);
    await context.setOffline(false);
    await complete(1500);
    expect({ dials: relay.dials, resumed: count('resumed') }).toEqual({ dials: 2, resumed: 1 });
  }, 60_000);

  test.each([
    ['navigates away', () => page.goto('about:blank')],
    ['is closed', () => page.close({ runBeforeUnload: false })],
  ])(
    'browser/chromium: a page that %s ends its session at the server with a goodbye',
    async (_, leave) => {
      await write(10);
      await complete(10);
      await leave();
      await until(() => count('closing') === 1);
      expect(events.filter(({ type }) => type === 'lost' || type === 'closing')).toMatchObject([
        { type: 'closing', closing: { code: 'peer-goodbye', side: 'remote' } },
      ]);
    },
    60_000,
  );

  test('browser/chromium: a page in the back/forward cache keeps its session, and is back when it is shown', async () => {
    await write(10);
    await complete(10);
    const tell = (type: string): Promise<boolean> =>
      page.evaluate((each) => dispatchEvent(new PageTransitionEvent(each, { persisted: true })), type);
    await tell('pagehide');
    await until(() => count('lost') === 1);
    await write(10);
    expect({ dials: relay.dials, ended: count('closing') }).toEqual({ dials: 1, ended: 0 });
    await tell('pageshow');
    await complete(20);
    expect({ dials: relay.dials, ended: count('closing') }).toEqual({ dials: 2, ended: 0 });
  }, 60_000);
});
