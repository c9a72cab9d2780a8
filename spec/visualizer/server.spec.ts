import { once } from 'node:events';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { createActor } from 'xstate';
import * as machines from '../../machines/index.js';
import { chartsOf, type Charts } from '../../visualizer/draw.js';
import { graphOf } from '../../visualizer/graph.js';
import { LiveView, type LiveState } from '../../visualizer/live.js';
import { serveLive, type LiveServer } from '../../visualizer/server/index.js';
import { follow, pageOf, type PageElement, type PageSource } from '../../visualizer/server/page.js';
import { sampleMachine } from './sample.js';

const view = new LiveView({ clock: { now: () => 0 } });
let server: LiveServer;
beforeAll(async () => {
  server = await serveLive(view, { sample: sampleMachine }, { viewersMax: 2 });
});
afterAll(() => server.close());

async function asked(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const [response] = (await once(get(url, options), 'response')) as [IncomingMessage];
  return response;
}
async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}
/** The states that a viewer is told of, one after the other. */
async function* told(response: IncomingMessage): AsyncGenerator<LiveState> {
  let rest = '';
  for await (const chunk of response) {
    rest += String(chunk);
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2))
      yield JSON.parse(rest.slice('data: '.length, end)) as LiveState;
  }
}

test('visualizer/server: the page shows every state of every chart, and loads nothing from elsewhere', async () => {
  const response = await asked(server.url);
  expect(response.statusCode).toBe(200);
  const page = await textOf(response);
  for (const { id, type } of graphOf(sampleMachine).vertices)
    if (id !== 'sample' && type !== 'history') expect(page).toContain(`data-state="${id}"`);
  expect(page).not.toMatch(/(src|href)=/);
  const nonce = /<script nonce="([0-9a-f]{32})">/.exec(page)![1]!;
  expect(response.headers['content-security-policy']).toContain(`script-src 'nonce-${nonce}'`);
  expect(response.headers['content-security-policy']).toContain("default-src 'none'");
});

test('visualizer/server: only who has its address, from this machine, sees anything', async () => {
  const { origin, host } = new URL(server.url);
  expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
  const statusOf = async (url: string, options?: RequestOptions): Promise<number | undefined> => {
    const response = await asked(url, options);
    response.resume();
    return response.statusCode;
  };
  expect(await statusOf(`${origin}/`)).toBe(404);
  expect(await statusOf(`${origin}/events`)).toBe(404);
  expect(await statusOf(server.url, { headers: { host: 'evil.example:80' } })).toBe(403);
  expect(await statusOf(server.url, { method: 'POST' })).toBe(405);
});

test('visualizer/server: a viewer gets the state, and each change; one too many is refused', async () => {
  const viewers = await Promise.all([asked(`${server.url}events`), asked(`${server.url}events`)]);
  const states = told(viewers[0]!);
  expect((await states.next()).value).toMatchObject({ charts: {} });
  const surplus = await asked(`${server.url}events`);
  expect(surplus.statusCode).toBe(503);
  surplus.resume();
  const actor = createActor(sampleMachine, { inspect: view.inspect }).start();
  actor.send({ type: 'go' });
  const { charts } = (await states.next()).value as LiveState;
  expect(charts['sample']!.states).toMatchObject({ 'sample.busy': 1 });
  actor.send({ type: 'halt' });
  expect((await states.next()).value).toMatchObject({ charts: { sample: { actors: 0, ended: 1, states: {} } } });
  for (const viewer of viewers) viewer.destroy();
});

test('visualizer/server: closing tells what happened last, ends every stream, and frees the port', async () => {
  const other = new LiveView({ clock: { now: () => 0 } });
  const closing = await serveLive(other, { sample: sampleMachine });
  const port = Number(new URL(closing.url).port);
  const states = told(await asked(`${closing.url}events`));
  await states.next();
  createActor(sampleMachine, { inspect: other.inspect }).start();
  await Promise.all([closing.close(), closing.close()]);
  expect((await states.next()).value).toMatchObject({ charts: { sample: { actors: 1 } } });
  expect((await states.next()).done).toBe(true);
  const again = await serveLive(other, {}, { port });
  await expect(serveLive(other, {}, { port })).rejects.toThrow('EADDRINUSE');
  await again.close();
});

test('visualizer/server: every chart of the house has pictures on the page with all its states, and a list where there is no layout', async () => {
  const graphs = Object.values(chartsOf(machines)).map(graphOf);
  const page = await pageOf(graphs, 'n');
  const shown = page.split('<section ').slice(1);
  expect(shown).toHaveLength(graphs.length);
  graphs.forEach(({ vertices }, i) => {
    const states = vertices.filter(({ id, type }) => id !== graphs[i]!.id && type !== 'history');
    expect(states.filter(({ id }) => !shown[i]!.includes(`data-state="${id}"`))).toEqual([]);
    expect(shown[i]).toContain('<svg ');
  });
  jest.resetModules();
  jest.doMock('elkjs/lib/elk.bundled.js', () => {
    throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
  });
  const { pageOf: without } = await import('../../visualizer/server/page.js');
  const list = await without(graphs.slice(0, 1), 'n');
  expect(list).not.toContain('<svg');
  for (const { id } of graphs[0]!.vertices) expect(list).toContain(`<li class="state" data-state="${id}">`);
}, 30_000);

test('visualizer/server: the page is made when it is first asked for; a failure is said, and tried again', async () => {
  const loads = jest.fn<Charts, []>().mockImplementationOnce(() => {
    throw new Error('not yet');
  });
  const lazy = await serveLive(view, () => loads.mockReturnValue({ sample: sampleMachine })());
  expect(loads).not.toHaveBeenCalled();
  const failed = await asked(lazy.url);
  expect([failed.statusCode, await textOf(failed)]).toEqual([500, "The charts can't be shown: Error: not yet"]);
  for (let time = 0; time < 2; time++) expect(await textOf(await asked(lazy.url))).toContain('data-state="sample.busy"');
  expect(loads).toHaveBeenCalledTimes(2);
  await lazy.close();
});

test('visualizer/server: the script of the page lights up where actors are, and says when there are several', () => {
  const page = new PlayedPage(['sample.idle', 'sample.busy']);
  const source: PageSource = { onopen: undefined, onerror: undefined, onmessage: undefined };
  follow(page, source);
  const say = (state: LiveState): void =>
    (source.onmessage as (event: { data: string }) => void)({ data: JSON.stringify(state) });
  say({ charts: { sample: { actors: 3, ended: 1, states: { 'sample.idle': 2, 'sample.busy': 1 } } }, lines: ['one', 'two'] });
  expect(page.shown).toEqual({ 'sample.idle': [true, 'idle × 2'], 'sample.busy': [true, 'busy'] });
  expect([page.section.hidden, page.section.inner.textContent]).toEqual([false, '3 running, 1 ended']);
  expect(page.getElementById('lines').textContent).toBe('one\ntwo');
  say({ charts: { sample: { actors: 1, ended: 3, states: { 'sample.busy': 1 } } }, lines: [] });
  expect(page.shown).toEqual({ 'sample.idle': [false, 'idle'], 'sample.busy': [true, 'busy'] });
  (source.onerror as () => void)();
  expect(page.getElementById('link').textContent).toContain('ended');
});

class PlayedElement implements PageElement {
  hidden = true;
  isLit = false;
  readonly classList = { toggle: (_: string, isOn: boolean): boolean => (this.isLit = isOn) };

  constructor(
    readonly dataset: Record<string, string | undefined>,
    public textContent: string | null = null,
  ) {}
  /** All that it has inside: its title, or its count. */
  #inner: PlayedElement | undefined;
  get inner(): PlayedElement {
    return (this.#inner ??= new PlayedElement({}, this.dataset['state']?.split('.').at(-1) ?? null));
  }
  querySelector(): PlayedElement {
    return this.inner;
  }
}

class PlayedPage {
  readonly section = new PlayedElement({ chart: 'sample' });
  readonly #states: readonly PlayedElement[];
  readonly #byId = new Map<string, PlayedElement>();

  constructor(states: readonly string[]) {
    this.#states = states.map((state) => new PlayedElement({ state }));
  }
  querySelectorAll(selector: string): readonly PlayedElement[] {
    return selector === '[data-chart]' ? [this.section] : this.#states;
  }
  getElementById(id: string): PlayedElement {
    if (!this.#byId.has(id)) this.#byId.set(id, new PlayedElement({}));
    return this.#byId.get(id)!;
  }
  get shown(): object {
    return Object.fromEntries(this.#states.map((each) => [each.dataset['state'], [each.isLit, each.inner.textContent]]));
  }
}
