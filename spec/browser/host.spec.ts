import { hostOf } from '../../adapters/browser.js';
import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import type { Transport, WireHandler } from '../../machines/ports.js';
import { Town } from '../hub/town.js';
import { say } from '../sim/played.js';

class Target extends EventTarget {
  listeners = 0;
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.listeners++;
    super.addEventListener(...args);
  }
  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

/** A page without a browser: event targets, and whether there is a network. */
class Page {
  readonly window = new Target();
  readonly document = new Target();
  isOnline = true;
  readonly host = hostOf(this.window, this.document, () => this.isOnline);

  tell(type: string, facts: { persisted?: boolean } = {}): void {
    this.window.dispatchEvent(Object.assign(new Event(type), facts));
  }
  go(isOnline: boolean): void {
    this.isOnline = isOnline;
    this.tell(isOnline ? 'online' : 'offline');
  }
}

/** Notes the kind of each frame when it is given to a wire. */
function tapped(transport: Transport, sent: number[]): Transport {
  const tap = (handler: WireHandler): WireHandler => ({
    onOpen(wire) {
      const send = wire.send.bind(wire);
      wire.send = (bytes) => {
        sent.push(bytes[0]!);
        return send(bytes);
      };
      handler.onOpen(wire);
    },
    onBytes: (bytes) => handler.onBytes(bytes),
    onDrain: () => handler.onDrain(),
    onProbeAnswer: () => handler.onProbeAnswer(),
    onClose: (cause) => handler.onClose(cause),
  });
  const { name, schemes, boundaries, secure } = transport;
  const dial: Transport['dial'] = (address, options) => {
    const open = transport.dial(address, options);
    return (handler) => open(tap(handler));
  };
  return { name, schemes, boundaries, secure, dial, listen: (address, acceptor) => transport.listen(address, acceptor) };
}

/** A server, and an engine in a page that is connected to it. */
function visit(isOnline = true, options: ResumeOptions = {}) {
  const town = new Town(1);
  const page = new Page();
  page.isOnline = isOnline;
  const server = town.server('b');
  const stories = { server: [] as string[], client: [] as string[] };
  const process = town.clock.process();
  const random = town.random.split('page');
  const sent: number[] = [];
  const client = new Engine(
    { clock: process, random: random.next, entropy: random.bytes, host: page.host },
    { transports: [tapped(town.network.transport('a', { process }), sent)], protocols: [resume(options)] },
  );
  void client.start();
  for (const [who, engine] of [['server', server] as const, ['client', client] as const])
    engine.on((event) => {
      if (event.type === 'closing') stories[who].push(event.closing.code);
      else if (event.type !== 'state') stories[who].push(event.type);
    });
  const outcome = town.connect(client, 'sim://b:1');
  return { town, page, server, client, sent, outcome, stories };
}

describe('browser/host: browser/offline', () => {
  test('[DIAL-8] nothing is dialed without a network, and a waiting connect goes at once when there is one', async () => {
    const { town, page, outcome } = visit(false);
    await town.pass(10_000);
    expect({ dials: town.dials.length, outcome: outcome.at }).toEqual({ dials: 0, outcome: undefined });
    page.go(true);
    await town.pass(50);
    expect(town.dials).toHaveLength(1);
    expect(outcome.connection?.state).toBe('completed');
  });

  test('[DIAL-8] a session that loses its wire dials nothing, and is back at once', async () => {
    const { town, page, stories } = visit();
    await town.pass(1000);
    page.go(false);
    town.network.cutBetween('a', 'b');
    await town.pass(20_000);
    expect({ dials: town.dials.length, story: stories.client }).toEqual({ dials: 1, story: ['connected', 'lost'] });
    page.go(true);
    await town.pass(50);
    expect({ dials: town.dials.length, story: stories.client }).toEqual({ dials: 2, story: ['connected', 'lost', 'resumed'] });
  });

  test('[DIAL-8] a row of failures before the network went delays nothing afterwards', async () => {
    const { town, page, stories } = visit();
    await town.pass(1000);
    const heal = town.network.partition(['a'], ['b'], 'told');
    await town.pass(15_000); // Redials fail, and wait longer and longer.
    page.go(false);
    heal();
    await town.pass(5000);
    const before = town.dials.length;
    page.go(true);
    await town.pass(50);
    expect({ dials: town.dials.length - before, last: stories.client.at(-1) }).toEqual({ dials: 1, last: 'resumed' });
  });

  test('[DIAL-8] a long wait that began before the network went is over when it is back', async () => {
    const { town, page, stories } = visit(true, { redial: { kind: 'constant', delayMs: 30_000 } });
    await town.pass(1000);
    town.network.cutBetween('a', 'b');
    await town.pass(1000);
    page.go(false);
    await town.pass(1000);
    page.go(true);
    await town.pass(50);
    expect({ dials: town.dials.length, last: stories.client.at(-1) }).toEqual({ dials: 2, last: 'resumed' });
  });

  test('[DIAL-7] [DIAL-8] a window that passes without a network ends by its name, and says why', async () => {
    const { town, page, outcome } = visit();
    await town.pass(1000);
    page.go(false);
    town.network.cutBetween('a', 'b');
    await town.pass(70_000);
    expect(await outcome.connection!.closed).toMatchObject({
      code: 'window-expired',
      detail: { cause: { kind: 'unreachable', reason: 'this host is offline' } },
    });
  });
});

describe('browser/host: browser/page', () => {
  test('one that is left says goodbye within the event: its session ends at the server at once', async () => {
    const { town, page, client, sent, stories, outcome } = visit();
    await town.pass(1000);
    outcome.connection!.write(Uint8Array.of(1)); // Its acknowledgement can't be waited for.
    page.tell('pagehide', { persisted: false });
    expect(sent.at(-1)).toBe(say.goodbye(1, 1)[0]); // It is with the transport when the event returns.
    await town.pass(200);
    expect(stories.server).not.toContain('lost');
    expect(stories.server.at(-1)).toBe('peer-goodbye');
    await expect(client.connect('sim://b:1')).rejects.toMatchObject({ code: 'shutting-down' });
  });

  test.each([
    ['pagehide', 'pageshow', (page: Page, type: string) => page.tell(type, { persisted: true })],
    ['freeze', 'resume', (page: Page, type: string) => void page.document.dispatchEvent(new Event(type))],
  ])('one that is kept (%s) ends its wire alone, dials nothing, and is back at once (%s)', async (hidden, shown, tell) => {
    const { town, page, stories } = visit();
    await town.pass(1000);
    tell(page, hidden);
    await town.pass(20_000);
    expect(stories.server).toEqual(['connected', 'lost']);
    expect(town.dials).toHaveLength(1);
    page.go(true); // What the network does is no reason to dial in a page that nobody sees.
    await town.pass(1000);
    expect(town.dials).toHaveLength(1);
    tell(page, shown);
    await town.pass(50);
    expect({ dials: town.dials.length, story: stories.server }).toEqual({ dials: 2, story: ['connected', 'lost', 'resumed'] });
  });

  test('one that is shown for the first time, or has a network all along, is not dialed twice', async () => {
    const { town, page, stories } = visit();
    page.tell('pageshow', { persisted: false });
    page.go(true);
    await town.pass(1000);
    expect({ dials: town.dials.length, story: stories.client }).toEqual({ dials: 1, story: ['connected'] });
  });

  test('an engine that was shut down gets no more events', async () => {
    const { town, page, client } = visit();
    await town.pass(1000);
    const targets = [page.window, page.document];
    expect(targets.map(({ listeners }) => listeners)).toEqual([4, 2]);
    const over = client.shutdown();
    await town.pass(1000);
    await over;
    expect(targets.map(({ listeners }) => listeners)).toEqual([0, 0]);
  });
});
