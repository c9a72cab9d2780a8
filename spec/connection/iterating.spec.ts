import type { Connection } from '../../adapters/index.js';
import { messagesOver } from '../../adapters/messages.js';
import { Shared } from '../../adapters/pool/lease.js';
import { resume } from '../../adapters/resume/index.js';
import { messages } from '../../adapters/rx.js';
import { StreamSession } from '../../adapters/streams/index.js';
import { closing, CLOSINGS, type ClosingCode } from '../../machines/closing.js';
import { ConnectionHandle } from '../../machines/connection/connection-handle.js';
import { SessionError } from '../../machines/errors.js';
import { Town } from '../hub/town.js';

const CODES = Object.keys(CLOSINGS) as ClosingCode[];
const ORDERLY: readonly ClosingCode[] = ['closed', 'peer-goodbye', 'shutdown', 'drained'];

/** Both ends of a completed connection in virtual time. */
async function pair(boundaries: 'message' | 'stream' = 'message') {
  const town = new Town(1);
  const protocols = [{ ...resume(), boundaries }];
  const server = town.server('s', { protocols });
  const outcome = town.connect(town.engine('c', { protocols }), 'sim://s:1');
  town.clock.advance(1000);
  await Promise.resolve();
  const [near, far] = [outcome.connection, (await server.incoming[Symbol.asyncIterator]().next()).value as Connection];
  if (!(near instanceof ConnectionHandle)) throw new Error('not connected');
  const handle = near as ConnectionHandle<Uint8Array>;
  return { town, near: handle, far, end: (code: ClosingCode) => handle.end(closing(code, 'remote')) };
}

/** The first bytes of what was read, and what the loop threw. */
interface Read {
  readonly got: number[];
  error?: unknown;
}
async function readAll(source: AsyncIterable<Uint8Array>, read: Read = { got: [] }): Promise<Read> {
  try {
    for await (const message of source) read.got.push(message.at(-1)!);
  } catch (error) {
    read.error = error;
  }
  return read;
}

/** Ways to read a connection to its end: two messages come, then it ends. */
const STYLES: Readonly<Record<string, (code: ClosingCode) => Promise<Read>>> = {
  'a loop that waits for the next message': async (code) => {
    const { near, end } = await pair();
    const reading = readAll(near);
    for (const byte of [1, 2]) near.deliver(Uint8Array.of(byte));
    await flush();
    end(code);
    return reading;
  },
  'a loop with messages that still wait when it ends': async (code) => {
    const { near, end } = await pair();
    for (const byte of [1, 2]) near.deliver(Uint8Array.of(byte));
    end(code);
    return readAll(near);
  },
  'next(), called by hand': async (code) => {
    const { near, end } = await pair();
    const iterator = near[Symbol.asyncIterator]();
    const next = iterator.next();
    for (const byte of [1, 2]) near.deliver(Uint8Array.of(byte));
    end(code);
    const read: Read = { got: [(await next).value as Uint8Array, (await iterator.next()).value as Uint8Array].map((m) => m[0]!) };
    const { error } = await iterator.next().then(
      ({ done }) => ({ error: done === true ? undefined : 'not done' }),
      (thrown: unknown) => ({ error: thrown }),
    );
    return { ...read, error };
  },
  'messagesOver a stream': async (code) => {
    const { near, end } = await pair('stream');
    const reading = readAll(messagesOver(near));
    near.deliver(Uint8Array.of(0, 0, 0, 1, 1, 0, 0, 0, 1));
    near.deliver(Uint8Array.of(2));
    await flush();
    end(code);
    return reading;
  },
  'a lease of a pool': async (code) => {
    const { near, end } = await pair();
    const reading = readAll(new Shared(near).lease());
    for (const byte of [1, 2]) near.deliver(Uint8Array.of(byte));
    await flush();
    end(code);
    return reading;
  },
  'messages() of rx': async (code) => {
    const { near, end } = await pair();
    const read: Read = { got: [] };
    const over = new Promise<void>((resolve) => {
      messages(near).subscribe({
        next: (message) => read.got.push(message[0]!),
        error: (error: unknown) => resolve(void (read.error = error)),
        complete: resolve,
      });
    });
    for (const byte of [1, 2]) near.deliver(Uint8Array.of(byte));
    end(code);
    await over;
    return read;
  },
};

/** Whatever is due in microtasks. */
async function flush(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('connection: reading to the end tells a whole stream from one that was cut', () => {
  test.each(Object.keys(STYLES))('%s ends after an orderly ending, and throws the closing after any other', async (style) => {
    for (const code of CODES) {
      const { got, error } = await STYLES[style]!(code);
      expect({ code, got }).toEqual({ code, got: [1, 2] });
      if (ORDERLY.includes(code)) expect({ code, error }).toEqual({ code, error: undefined });
      else {
        expect({ code, error }).toMatchObject({ code, error: { code: 'closed', cause: { code } } });
        expect(error).toBeInstanceOf(SessionError);
        expect((error as Error).message).toBe(`the connection was cut: ${CLOSINGS[code].happened} (${code})`);
      }
    }
  });

  test('every further next() says so again, and a loop that was left by `break` does not throw', async () => {
    const { near, end } = await pair();
    near.deliver(Uint8Array.of(1));
    const iterator = near[Symbol.asyncIterator]();
    await iterator.next();
    end('reset');
    for (let i = 0; i < 3; i++) await expect(iterator.next()).rejects.toMatchObject({ cause: { code: 'reset' } });
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });

    const other = await pair();
    other.near.deliver(Uint8Array.of(1));
    for await (const _ of other.near) break;
    other.end('reset');
  });

  test('several readers of one lease all get the closing', async () => {
    const { near, end } = await pair();
    const shared = new Shared(near);
    const [one, two] = [shared.lease(), shared.lease()];
    const waiting = [one.next(), two.next(), one.next()].map((each) => expect(each).rejects.toMatchObject({ code: 'closed' }));
    await flush();
    end('probe-timeout');
    await Promise.all(waiting);
    await expect(two.next()).rejects.toMatchObject({ cause: { code: 'probe-timeout' } });
  });

  test('messagesOver: a message above the bound ends the loop with the violation', async () => {
    const { near, town } = await pair('stream');
    const reading = readAll(messagesOver(near, { messageBytesMax: 10 }));
    near.deliver(Uint8Array.of(0, 0, 1, 0, 0));
    for (let i = 0; i < 20; i++) {
      await flush();
      town.clock.advance(1000);
    }
    expect(await reading).toMatchObject({ got: [], error: { code: 'closed', cause: { code: 'violated', side: 'remote' } } });
  });

  test.each<ClosingCode>(['peer-goodbye', 'closed', 'window-expired', 'reset', 'shutdown'])(
    'a stream of a session that had no end of its own throws: %s',
    async (code) => {
      const { town, near, far, end } = await pair();
      const sessions: readonly [StreamSession, StreamSession] = [new StreamSession(near as Connection), new StreamSession(far)];
      sessions[1].onOffer = (offer) => {
        const accepted = offer.accept();
        accepted.on('error', () => {});
        accepted.write(Uint8Array.of(1));
      };
      const opening = sessions[0].open('mine');
      const read: Read = { got: [] };
      const reading = opening.then((stream) => readAll(stream, read));
      while (read.got.length === 0) {
        town.clock.advance(10);
        await new Promise(setImmediate);
      }
      end(code);
      expect(await reading).toMatchObject({ got: [1], error: { name: 'StreamError', code, cause: { code } } });
    },
  );

  test('events and incoming of an engine, and the states of a connection, end: they are no messages of a peer', async () => {
    const { town, near, end } = await pair();
    const states: string[] = [];
    const reading = (async () => {
      for await (const state of near.states) states.push(state);
    })();
    end('reset');
    near.retire();
    await reading;
    expect(states[0]).toBe('completed');
    const engine = town.server('other');
    const loops = [engine.events, engine.incoming].map(async (source) => {
      for await (const _ of source as AsyncIterable<unknown>) void _;
    });
    void engine.shutdown();
    for (let i = 0; i < 20; i++) {
      await flush();
      town.clock.advance(1000);
    }
    await Promise.all(loops);
  });
});
