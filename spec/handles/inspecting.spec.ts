import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { InspectionEvent } from 'xstate';
import { createEngine, type Engine, type Inspector } from '../../adapters/index.js';
import { pool } from '../../adapters/pool/index.js';
import { resume } from '../../adapters/resume/index.js';
import { tuna } from '../../adapters/tuna/index.js';
import type { Protocol } from '../../machines/protocol.js';
import { tcp } from '../../transports/tcp.js';

const root = join(__dirname, '../..');

/** One connection, one message and a goodbye, under the eyes of `inspect`. */
async function once(make: (side: 'a' | 'b') => Protocol<unknown>, inspect: Inspector): Promise<void> {
  const [server, client] = (['a', 'b'] as const).map((side) =>
    createEngine({
      transports: [tcp()],
      protocols: [make(side)],
      listen: side === 'a' ? ['tcp://127.0.0.1:0'] : [],
      inspect,
    }),
  ) as [Engine, Engine];
  await server.start();
  await client.start();
  const connection = await client.connect(server.addresses[0]!);
  await connection.send(Uint8Array.of(1, 2, 3));
  await connection.close();
  await client.shutdown();
  await server.shutdown();
}

const protocols: Readonly<Record<string, (side: 'a' | 'b') => Protocol<unknown>>> = {
  resume: () => resume(),
  tuna: () => tuna(),
  pool: (side) => pool({ identity: 'stated', id: side.repeat(64) }),
};

describe('handles/inspecting: createEngine({ inspect })', () => {
  test('takes a function, and an observer as XState does, which gets the same', async () => {
    const [heard, observed]: [string[], string[]] = [[], []];
    const types = /^@xstate\.(actor|event|snapshot|microstep|action)$/;
    await once(protocols['resume']!, (event) => heard.push(event.type));
    class Observing {
      readonly seen = observed;
      next(event: InspectionEvent): void {
        this.seen.push(event.type); // Called as a method: what it keeps is its own.
      }
    }
    await once(protocols['resume']!, new Observing());
    expect(observed.length).toBeGreaterThan(100);
    expect([...new Set(observed)].sort()).toEqual([...new Set(heard)].sort());
    expect(observed.filter((type) => !types.test(type))).toEqual([]);
  });

  test('survives an observer that throws, and refuses what is neither', async () => {
    await once(protocols['resume']!, {
      next: () => {
        throw new Error('an observer’s own fault');
      },
    });
    for (const inspect of [{}, 'log', null, { next: true }, []])
      expect(() => createEngine({ transports: [tcp()], protocols: [resume()], inspect: inspect as never })).toThrow(
        'createEngine.inspect: expected a function, or an observer with next',
      );
  });

  test.each(Object.keys(protocols))(
    '%s: events and snapshots lead nowhere, end soon, and hold neither payloads nor secrets',
    async (name) => {
      const wrong = new Set<string>();
      let deepest = '';
      const walk = (value: unknown, path: readonly string[], above: readonly object[]): void => {
        if (typeof value !== 'object' || value === null) return;
        if (ArrayBuffer.isView(value)) return void wrong.add(`bytes at ${path.join('.')}`);
        if (above.includes(value) || above.length > 8) return void wrong.add(`a circle, or too deep, at ${path.join('.')}`);
        if ('sessionId' in value && 'send' in value) return; // An actor: XState writes its id.
        const text = above.length === 0 ? JSON.stringify(value) : '';
        if (text.length > deepest.length) deepest = text;
        for (const key in value) walk((value as Record<string, unknown>)[key], [...path, key], [...above, value]);
      };
      await once(protocols[name]!, (event) => {
        if (event.type === '@xstate.event') walk(event.event, [event.event.type], []);
        if (event.type !== '@xstate.snapshot') return;
        const { context, output } = event.snapshot as { context?: unknown; output?: unknown };
        walk({ context, output }, [], []);
      });
      expect([...wrong]).toEqual([]);
      expect(deepest.length).toBeLessThan(4000);
    },
    60_000,
  );
});

/**
 * Runs in a process of its own, because the package is ESM alone. Its inspector for browsers gets a window that is none, and does
 * what it would do there: it serializes every event, with its own ways of dealing with circles.
 */
const PROGRAM = `
  import { createBrowserInspector, createInspector } from '@statelyai/inspect';
  import { createEngine } from 'holdfast';
  import { resume } from 'holdfast/adapters/resume';
  import { tuna } from 'holdfast/adapters/tuna';
  import { tcp } from 'holdfast/transports/tcp';

  const [posted, sent, hearing] = [[], [], []];
  const window = { open: () => ({ postMessage: (message) => posted.push(message) }), addEventListener: (_, hear) => hearing.push(hear) };
  const inspectors = [createBrowserInspector({ window, url: 'http://127.0.0.1:1' }), createInspector({ send: (event) => sent.push(JSON.stringify(event)) })];
  hearing[0]({ data: { type: '@statelyai.connected' } });
  for (const protocol of [resume, tuna]) {
    const [server, client] = inspectors.map(({ inspect }, i) =>
      createEngine({ transports: [tcp()], protocols: [protocol()], inspect, listen: i === 0 ? ['tcp://127.0.0.1:0'] : [] }));
    await server.start();
    await client.start();
    const connection = await client.connect(server.addresses[0]);
    await connection.send(new Uint8Array(1000));
    await connection.close();
    await client.shutdown();
    await server.shutdown();
  }
  await new Promise((resolve) => setTimeout(resolve)); // The package sends what it heard in timers of 0 ms, in order.
  const texts = [...posted.map((message) => JSON.stringify(message)), ...sent];
  const messages = texts.map((text) => JSON.parse(text));
  console.log(JSON.stringify({
    strings: messages.filter((message) => typeof message === 'string').length,
    unable: texts.filter((text) => text.includes('unable to serialize')).length,
    messages: messages.length,
    largest: Math.max(...texts.map((text) => text.length)),
    names: [...new Set(messages.filter(({ type }) => type === '@xstate.actor').map(({ name }) => name.replace(/[0-9a-f]{12}/, '…').replace(/ \\S*[0-9a-f]{16}$/, ' …')))].sort(),
    states: messages.filter(({ type, snapshot }) => type === '@xstate.snapshot' && snapshot.value?.engaged === 'completed').length > 0,
  }));
`;

test('handles/inspecting: the real @statelyai/inspect gets every event whole: nothing that it can’t serialize, and each connection by its id', () => {
  if (!existsSync(join(root, 'dist/adapters/index.js'))) throw new Error('build first: npm run build');
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: root, encoding: 'utf8' });
  const report = JSON.parse(output) as Record<string, unknown> & { names: string[]; messages: number; largest: number };
  expect(report).toMatchObject({ strings: 0, unable: 0, states: true });
  expect(report.messages).toBeGreaterThan(300);
  expect(report.largest).toBeLessThan(20_000);
  expect(report.names).toEqual(expect.arrayContaining(['resume ….1', 'resume ….1 …', 'tuna ….1', 'tuna ….1 …', 'hub']));
}, 60_000);
