import type { AnyActorRef } from 'xstate';
import type { Engine } from '../../machines/engine.js';
import type { Entropy } from '../../machines/ports.js';
import { readRecording } from '../../visualizer/reader/index.js';
import { record, type Recorder, type RecordingLine } from '../../visualizer/index.js';
import { membersOf } from '../../visualizer/recording/plain.js';
import { PoolWorld } from '../sim/pool-world.js';
import { RendezvousWorld } from '../sim/rendezvous-world.js';
import type { Watcher } from '../sim/watcher.js';
import { World } from '../sim/world.js';
import { ShipWorld } from '../ship/world.js';
import { TunaWorld } from '../tuna/tuna-world.js';
import { fill } from '../tuna/ncp-channel.js';

const TOKEN_BYTES = 32;

/** Records all engines of a world, and remembers the random bytes that tokens and keys are made of. */
class RecordingWatcher implements Watcher {
  readonly lines: string[] = [];
  readonly secrets: Buffer[] = [];
  recorder: Recorder | undefined;
  #roots: AnyActorRef[] = [];

  watch(root: AnyActorRef, engine?: Engine): void {
    if (engine === undefined) return void this.#roots.push(root);
    const sink = { write: (line: RecordingLine) => void this.lines.push(JSON.stringify(line)) };
    if (this.recorder === undefined) this.recorder = record(engine, sink);
    else this.recorder.add(engine);
    for (const each of this.#roots.splice(0)) this.recorder.addActor(each);
  }

  entropy(source: Entropy): Entropy {
    return (count) => {
      const bytes = source(count);
      if (count >= TOKEN_BYTES) this.secrets.push(Buffer.from(bytes)); // Shorter ones are ids, which connections show.
      return bytes;
    };
  }

  get text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }
}

/** Every spelling in which bytes may stand in JSON: hexadecimal, base64 of all alignments, base64url, decimal numbers, text. */
function spellings(bytes: Buffer): readonly string[] {
  const part = bytes.subarray(0, 12);
  const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip, skip + 12).toString('base64'));
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const json = JSON.stringify(part.toString('latin1')).slice(1, -1);
  return [part.toString('hex'), part.toString('hex').toUpperCase(), ...base64, ...url, [...part].join(','), json];
}

const worlds: Readonly<Record<string, (seed: number, watcher: RecordingWatcher) => unknown>> = {
  resume: (seed, watcher) => new World({ seed, watcher }).run(),
  pool: (seed, watcher) => new PoolWorld({ seed, watcher }).run(),
  ship: (seed, watcher) => new ShipWorld(seed, watcher).run(),
  rendezvous: (seed, watcher) => new RendezvousWorld({ seed, watcher }).run(),
  tuna: (seed, watcher) => {
    const w = new TunaWorld(seed, { numTunaListeners: 3 }, undefined, watcher);
    w.clock.settle();
    w.a.connect(['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']).catch(() => {});
    for (let step = 0, written = 0; step < 60; step++) {
      if (step % 20 === 19) w.network.cutAll();
      for (const connection of [w.near, w.far])
        if (connection?.state === 'completed') {
          const payload = fill(new Uint8Array(1000), written++);
          watcher.secrets.push(Buffer.from(payload));
          connection.write(payload);
        }
      w.clock.advance(50);
    }
    void w.a.shutdown();
    void w.b.shutdown();
    w.clock.advance(15_000);
  },
};

describe('visualizer/recording: payloads, tokens, keys and certificates', () => {
  test.each(Object.keys(worlds))(
    'never enter the recording of a %s session, in any spelling',
    async (name) => {
      let secrets = 0;
      for (const seed of name === 'rendezvous' ? [1] : [1, 2]) {
        const watcher = new RecordingWatcher();
        await worlds[name]!(seed, watcher);
        const { text } = watcher;
        secrets += watcher.secrets.length;
        const found = watcher.secrets.flatMap(spellings).filter((secret) => text.includes(secret));
        expect({ seed, found }).toEqual({ seed, found: [] });
        expect(text).not.toMatch(/-----BEGIN|datagram|"0":\d+,"1":\d+|"type":"Buffer"/);
        const { recording, warning } = readRecording(text);
        expect([watcher.recorder?.failures, warning]).toEqual([0, undefined]);
        expect(recording.lines.filter(({ type }) => type === 'step').length).toBeGreaterThan(10);
      }
      if (['resume', 'tuna'].includes(name)) expect(secrets).toBeGreaterThan(0);
    },
    60_000,
  );

  test.each<[string, unknown]>([
    ['bytes', { payload: new Uint8Array(40).fill(7), message: new Uint8Array(40).fill(7), reason: Buffer.from('abcdefgh') }],
    [
      'bytes as an array, or as an object',
      { code: Array.from({ length: 40 }, () => 7), state: { ...new Uint8Array(40).fill(7) } },
    ],
    ['secrets by their name, of any type', { token: 'secret-7', authKey: 'secret-7', pin: 77777777, sharedSecret: 7, password: true, cert: 'secret-7' }], // prettier-ignore
    [
      'strings under unknown names',
      { message: 'secret-7', text: 'secret-7', content: { value: 'secret-7' }, list: ['secret-7'] },
    ],
    [
      'what an object says of itself',
      { reason: { toJSON: () => ({ inner: 'secret-7' }) }, socket: new Map([['a', 'secret-7']]) },
    ],
    ['errors and functions', { error: new Error('secret-7'), done: () => 'secret-7' }],
    ['big integers', { number: 77777777n }],
    ['users, passwords and queries of addresses', { address: 'wss://secret-7:secret-7@host/path?token=secret-7#secret-7', reason: 'dialing wss://secret-7@host:1/a?b=secret-7 failed' }], // prettier-ignore
  ])('never enter an event or a context: %s', (_, value) => {
    expect(JSON.stringify(membersOf(value as object))).not.toMatch(/secret-7|7777|abcd|97,98|7,7/);
  });

  test('harmless members stay: numbers, words of the protocol, an address', () => {
    const event = { code: 'reset', cause: { kind: 'ended', code: 1006 }, at: 5, ackDelayMs: 7, sendBytesMax: 9, address: 'wss://host:1/a', isDuplicate: false }; // prettier-ignore
    expect(membersOf(event)).toEqual(event);
  });
});
