import { once } from 'node:events';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { CLOSINGS } from '../../machines/closing.js';
import { graphOf } from '../../visualizer/graph.js';
import { serveFeed, serveRecording, type Feed, type LiveServer } from '../../visualizer/server/index.js';
import { factsOf } from '../../visualizer/server/facts.js';
import { pageOf } from '../../visualizer/server/page.js';
import { sampleMachine } from './sample.js';

/** Lines that a test adds by hand. */
class FedByHand implements Feed {
  readonly kept: string[] = ['{"type":"header"}'];
  readonly #watchers = new Set<{ onLine: (line: string) => void; onEnd: () => void }>();

  lines(): readonly string[] {
    return this.kept;
  }
  watch(onLine: (line: string) => void, onEnd: () => void): () => void {
    const watcher = { onLine, onEnd };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
  add(line: string): void {
    this.kept.push(line);
    for (const { onLine } of this.#watchers) onLine(line);
  }
  end(): void {
    for (const { onEnd } of this.#watchers) onEnd();
  }
  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }
}

async function asked(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const [response] = (await once(get(url, options), 'response')) as [IncomingMessage];
  return response;
}
async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}
/** The events of a stream, one after the other: their names, or their lines. */
async function* told(response: IncomingMessage): AsyncGenerator<readonly string[]> {
  let rest = '';
  for await (const chunk of response) {
    rest += String(chunk);
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
      const fields = rest.slice(0, end).split('\n');
      yield fields[0]!.startsWith('event: ') ? [fields[0]!] : fields.map((field) => field.slice('data: '.length));
    }
  }
}

let feed: FedByHand;
let server: LiveServer;
beforeEach(async () => {
  feed = new FedByHand();
  server = await serveFeed(feed, { viewersMax: 2 });
});
afterEach(() => server.close());

describe('inspector/safety: the server', () => {
  const statusOf = async (url: string, options?: RequestOptions): Promise<number | undefined> => {
    const response = await asked(url, options);
    response.destroy();
    return response.statusCode;
  };

  test.each<[what: string, path: string, options: RequestOptions, status: number]>([
    ['no token', '/', {}, 404],
    ['a wrong token', `/${'0'.repeat(32)}/`, {}, 404],
    ['a wrong token for the facts', `/${'0'.repeat(32)}/facts`, {}, 404],
    ['no token for the stream', '/stream', {}, 404],
    ['a foreign Host', '', { headers: { host: 'evil.example:80' } }, 403],
    ['another spelling of its Host', '', { headers: { host: 'localhost' } }, 403],
    ['a foreign Host, for the stream', 'stream', { headers: { host: 'evil.example' } }, 403],
    ['a foreign Origin', '', { headers: { origin: 'http://evil.example' } }, 403],
    ['a foreign Origin, for the stream', 'stream', { headers: { origin: 'http://evil.example' } }, 403],
    ['the Origin of a file', 'facts', { headers: { origin: 'null' } }, 403],
    ['a command', '', { method: 'POST' }, 405],
    ['a deletion', 'stream', { method: 'DELETE' }, 405],
    ['a path beside its own', 'stream/more', {}, 404],
  ])('refuses %s', async (_, path, options, status) => {
    const url = path.startsWith('/') ? new URL(path, server.url).href : `${server.url}${path}`;
    expect(await statusOf(url, options)).toBe(status);
  });

  test('answers requests of its own page', async () => {
    const { origin } = new URL(server.url);
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await statusOf(`${server.url}stream`, { headers: { origin } })).toBe(200);
  });

  test('allows no script but its own, and nothing from elsewhere', async () => {
    const { headers } = await asked(`${server.url}stream`);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[0-9a-f]{32}'; /);
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.match(/https?:|\*|unsafe-eval/)).toBeNull();
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  });

  test('two servers have two secrets', async () => {
    const other = await serveRecording([]);
    expect(new URL(other.url).pathname).not.toBe(new URL(server.url).pathname);
    await other.close();
  });
});

describe('inspector/stream: a viewer', () => {
  test('gets the recording so far, then each line, then the end', async () => {
    feed.add('{"a":1}');
    const lines = told(await asked(`${server.url}stream`));
    expect((await lines.next()).value).toEqual(['event: begin']);
    expect((await lines.next()).value).toEqual(['{"type":"header"}', '{"a":1}']);
    feed.add('{"b":2}');
    feed.add('{"c":3}');
    expect((await lines.next()).value).toEqual(['{"b":2}', '{"c":3}']);
    feed.add('{"d":4}');
    feed.end();
    expect((await lines.next()).value).toEqual(['{"d":4}']);
    expect((await lines.next()).value).toEqual(['event: end']);
  });

  test('that comes while lines are gathered gets each of them once', async () => {
    const early = told(await asked(`${server.url}stream`));
    await early.next();
    await early.next();
    feed.add('{"b":2}');
    const late = told(await asked(`${server.url}stream`));
    await late.next();
    expect((await late.next()).value).toEqual(['{"type":"header"}', '{"b":2}']);
    expect((await early.next()).value).toEqual(['{"b":2}']);
    feed.add('{"c":3}');
    expect((await late.next()).value).toEqual(['{"c":3}']);
    expect((await early.next()).value).toEqual(['{"c":3}']);
  });

  test('of a finished recording gets all of it and the end', async () => {
    const finished = await serveRecording(['{"a":1}', '{"b":2}']);
    const lines = told(await asked(`${finished.url}stream`));
    expect([(await lines.next()).value, (await lines.next()).value, (await lines.next()).value]).toEqual([
      ['event: begin'],
      ['{"a":1}', '{"b":2}'],
      ['event: end'],
    ]);
    await finished.close();
  });

  test('too many is refused; a place is free again when one leaves', async () => {
    const viewers = await Promise.all([asked(`${server.url}stream`), asked(`${server.url}stream`)]);
    const surplus = await asked(`${server.url}stream`);
    expect(surplus.statusCode).toBe(503);
    surplus.destroy();
    const left = once(viewers[0]!, 'close');
    viewers[0]!.destroy();
    await left;
    // The server learns of it by its own socket.
    for (;;) {
      const again = await asked(`${server.url}stream`);
      again.destroy();
      if (again.statusCode === 200) break;
    }
  });

  test('that reads nothing is dropped, and nothing waits for it', async () => {
    const { port, pathname } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {}); // A reset is what is expected.
    socket.pause();
    socket.write(`GET ${pathname}stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    const reader = told(await asked(`${server.url}stream`));
    await reader.next();
    await reader.next();
    const line = `"${'x'.repeat(1 << 20)}"`;
    let got = 0;
    // Everything is sent twice the bound; the one that reads gets it all.
    for (let sent = 0; sent < 64; sent++) {
      feed.add(line);
      const { value } = await reader.next();
      got += (value as readonly string[]).length;
    }
    expect(got).toBe(64);
    socket.resume();
    await once(socket, 'close');
    expect(socket.bytesRead).toBeLessThan(64 << 20);
  }, 60_000);
});

describe('inspector/server: the page server', () => {
  test('closing sends the last lines, ends every stream, stops watching and frees the port', async () => {
    const lines = told(await asked(`${server.url}stream`));
    await lines.next();
    await lines.next();
    feed.add('{"last":1}');
    const port = Number(new URL(server.url).port);
    await Promise.all([server.close(), server.close()]);
    expect((await lines.next()).value).toEqual(['{"last":1}']);
    expect((await lines.next()).done).toBe(true);
    expect(feed.isWatched).toBe(false);
    const again = await serveFeed(feed, { port });
    await expect(serveFeed(feed, { port })).rejects.toThrow('EADDRINUSE');
    await again.close();
  });

  test('the facts have each chart with pictures of all its states, and advice for every closing', async () => {
    const facts = JSON.parse(await factsOf({ sample: sampleMachine })) as {
      charts: { id: string; key: string; states: { id: string }[]; pictures: { of: string; svg: string }[] }[];
      closings: Record<string, { happened: string; advice: string }>;
    };
    const { id: root, vertices, ...graph } = graphOf(sampleMachine);
    const [{ id, key, states, pictures }] = facts.charts as [(typeof facts.charts)[number]];
    expect([id, key]).toEqual([root, JSON.stringify({ id: root, vertices, ...graph })]);
    expect(states.map((state) => state.id)).toEqual(vertices.map((vertex) => vertex.id));
    const shown = pictures.map(({ svg }) => svg).join('');
    const drawn = vertices.filter((vertex) => vertex.id !== root && vertex.type !== 'history');
    expect(drawn.filter((vertex) => !shown.includes(`data-state="${vertex.id}"`))).toEqual([]);
    expect(pictures[0]!.of).toBe(root);
    expect(Object.keys(facts.closings).sort()).toEqual(Object.keys(CLOSINGS).sort());
    expect(facts.closings['window-expired']).toMatchObject({ advice: expect.stringContaining('longer window') as unknown });
  }, 30_000);

  test('without a layout package charts are lists of states', async () => {
    jest.resetModules();
    jest.doMock('elkjs/lib/elk.bundled.js', () => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    });
    const { factsOf: without } = await import('../../visualizer/server/facts.js');
    const { charts } = JSON.parse(await without({ sample: sampleMachine })) as {
      charts: { id: string; pictures: unknown[]; states: unknown[] }[];
    };
    const sample = charts.find(({ id }) => id === 'sample')!;
    expect(sample.pictures).toEqual([]);
    expect(sample.states.length).toBeGreaterThan(3);
  }, 30_000);

  test('a page that was not built is an error that says so, and is tried again', async () => {
    await expect(pageOf('n', '/nowhere/page.json')).rejects.toThrow('run `npm run build`');
    const failed = await asked(server.url);
    const text = await textOf(failed);
    expect([failed.statusCode, text.includes("can't be shown")]).toEqual([500, true]);
  });
});
