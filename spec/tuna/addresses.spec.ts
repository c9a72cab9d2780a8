import {
  addressesOver,
  answerAddresses,
  answerRelay,
  relayAddresses,
  resolverOf,
  staticAddresses,
  tuna,
  type AddressResponder,
  type AddressQuery,
  type AddressReply,
  type RelayClient,
} from '../../adapters/tuna/index.js';
import { putReply, putRequest, readReply, readRequest } from '../../adapters/tuna/addresses.js';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { clock as nodeClock } from '../../adapters/node.js';
import { resume } from '../../adapters/resume/index.js';
import { memory } from '../../transports/memory.js';
import { SimClock } from '../sim/clock.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const FOUND: AddressReply = { word: 'addresses', addresses: ['tcp://1.2.3.4:30001', undefined, 'tcp://[::1]:7'] };
const responder: AddressResponder = { reply: ({ session }) => (session?.[0] === 9 ? { word: 'session-closed' } : FOUND) };

/** What was answered so far. */
function asked(query: AddressQuery, session: Uint8Array | undefined = ID, peer = 'bob'): { got: AddressReply[]; stop(): void } {
  const got: AddressReply[] = [];
  return { got, stop: query.query(peer, session, (reply) => got.push(reply)) };
}

/** Lets everything that waits for nothing but its turn have it. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('tuna/addresses: the words', () => {
  test('[TUNA-21] are those of nkn-tuna-session, to the byte', () => {
    expect(text(putRequest(ID))).toBe('{"action":"getPubAddr","sessionID":"AQIDBAUGBwg="}');
    expect(text(putRequest(undefined))).toBe('{"action":"getPubAddr","sessionID":null}');
    expect(text(putReply(FOUND))).toBe(
      '{"addrs":[{"ip":"1.2.3.4","port":30001},{"ip":"","port":0},{"ip":"::1","port":7}],"sessionClosed":false}',
    );
    expect(text(putReply({ word: 'session-closed' }))).toBe('{"addrs":null,"sessionClosed":true}');
    expect(readRequest('{"action":"GETPUBADDR","sessionID":"AQIDBAUGBwg="}')?.session).toEqual(ID);
    expect(readReply(putReply(FOUND), 'tcp')).toEqual(FOUND);
    const priced = '{"addrs":[{"ip":"a.example","port":1,"inPrice":"0.1","outPrice":"0"}],"sessionClosed":false}';
    expect(readReply(priced, 'ws')).toEqual({ word: 'addresses', addresses: ['ws://a.example:1'] });
  });

  test('[TUNA-21] of another peer are none, and nothing in them is believed', () => {
    for (const wrong of ['', 'null', '[]', '{"action":"getPubAddrs"}', '{"action":7}', '{"action":"getPubAddr","sessionID":"§"}'])
      expect({ wrong, read: readRequest(wrong) }).toEqual({ wrong, read: undefined });
    for (const wrong of ['', 'null', '{}', '{"addrs":{}}', `{"addrs":[],"x":"${'x'.repeat(70_000)}"}`])
      expect({ wrong: wrong.length, read: readReply(wrong, 'tcp').word }).toEqual({ wrong: wrong.length, read: 'no-answer' });
    const odd = '[{"ip":"1.2.3.4","port":0},{"ip":"1.2.3.4","port":65536},{"ip":"a/b","port":1},{"ip":"","port":1},7,null,{}]';
    expect(readReply(`{"addrs":${odd}}`, 'tcp')).toEqual({ word: 'addresses', addresses: new Array(7).fill(undefined) });
    const many = readReply(JSON.stringify({ addrs: new Array(1000).fill({ ip: 'a', port: 1 }) }), 'tcp');
    expect(many.word === 'addresses' && many.addresses.length).toBe(64);
  });
});

test('addresses that are known beforehand: for all, by peer, or looked up', () => {
  const list = ['tcp://a:1', undefined];
  const books = [list, { bob: list }, (peer: string) => (peer === 'bob' ? list : undefined)];
  for (const book of books) expect(asked(staticAddresses(book)).got).toEqual([{ word: 'addresses', addresses: list }]);
  for (const book of books.slice(1))
    for (const peer of ['eve', 'toString']) expect(asked(staticAddresses(book), ID, peer).got).toEqual([{ word: 'no-answer' }]);
});

test('tuna/addresses: an engine that is given a name finds the first address there is', () => {
  const found: unknown[] = [];
  resolverOf(staticAddresses([undefined, 'tcp://b:2', 'tcp://c:3'])).resolve('bob', (...all) => found.push(all));
  resolverOf(staticAddresses([undefined])).resolve('bob', (...all) => found.push(all));
  resolverOf(staticAddresses({})).resolve('bob', (...all) => found.push(all));
  expect(found).toEqual([
    [['tcp://b:2'], expect.any(String)],
    [[], 'bob has no public address at the moment'],
    [[], 'bob does not answer'],
  ]);
});

/**
 * NKN's relays, played: the interface of the MultiClient of nkn-sdk, as much as matters. What becomes of what handlers return is as in
 * nkn-sdk 1.3.6 (`_handleInboundMsg` in lib/client/client.js): all are asked; in their order the first `false` is silence, and the
 * first that is not `undefined` is the answer; without either an acknowledgement is sent, which the asker's `send`
 * resolves with as `null`.
 */
class PlayedClient implements RelayClient {
  readonly sent: string[] = [];
  readonly #handlers: Parameters<RelayClient['onMessage']>[0][] = [];
  /** Acknowledgements that it has sent. */
  acknowledged = 0;
  /** Of each question: what becomes of it. */
  fate: (count: number) => 'answered' | 'lost' | 'fails' | 'throws' = () => 'answered';

  constructor(
    readonly addr: string,
    readonly others: Map<string, PlayedClient>,
  ) {
    others.set(addr, this);
  }

  send(destination: string, data: Uint8Array): Promise<unknown> {
    this.sent.push(`${destination} ${text(data)}`);
    const fate = this.fate(this.sent.length);
    if (fate === 'throws') throw new Error('no client is ready');
    if (fate === 'fails') return Promise.reject(new Error('message timeout'));
    if (fate === 'lost') return new Promise(() => {});
    const other = this.others.get(destination)!;
    for (const reply of other.#handlers.map((handle) => handle({ src: this.addr, payload: data }))) {
      if (reply === false) return new Promise(() => {});
      if (reply !== undefined) return Promise.resolve(reply);
    }
    other.acknowledged++;
    return Promise.resolve(null);
  }
  onMessage(handler: Parameters<RelayClient['onMessage']>[0]): void {
    this.#handlers.push(handler);
  }
}

function relays(): { alice: PlayedClient; bob: PlayedClient; clock: SimClock; query: AddressQuery } {
  const others = new Map<string, PlayedClient>();
  const [alice, bob] = [new PlayedClient('alice', others), new PlayedClient('bob', others)];
  const clock = new SimClock();
  return { alice, bob, clock, query: relayAddresses(alice, { clock }) };
}

describe('tuna/addresses: over relays', () => {
  test('[TUNA-21] the peer is asked at 0, 3 and 6 s, the first answer counts, and then there are no more questions', async () => {
    const { alice, bob, clock, query } = relays();
    answerRelay(bob, responder);
    alice.fate = (count) => (['lost', 'throws', 'answered'] as const)[count - 1]!;
    const { got } = asked(query);
    const sentAt: [number, number][] = [];
    for (let at = 0; at <= 9000; at += 500) {
      clock.advance(at - clock.now());
      await settle();
      sentAt.push([alice.sent.length, got.length]);
    }
    expect([sentAt[0], sentAt[5], sentAt[6], sentAt[11], sentAt[12], sentAt[18]]).toEqual([[1, 0], [1, 0], [2, 0], [2, 0], [3, 1], [3, 1]]); // prettier-ignore
    expect(alice.sent[2]).toBe('bob {"action":"getPubAddr","sessionID":"AQIDBAUGBwg="}');
    expect(got).toEqual([FOUND]);
  });

  test('[TUNA-21] a session that is over is reported; a missing answer is noticed after the last attempt', async () => {
    const { alice, bob, clock, query } = relays();
    const off = answerRelay(bob, responder, { accepts: (address) => address === 'alice' });
    const closed = asked(query, Uint8Array.of(9));
    await settle();
    expect(closed.got).toEqual([{ word: 'session-closed' }]);
    off();
    alice.fate = (count) => (count === 2 ? 'fails' : 'answered');
    const silent = asked(query);
    clock.advance(10_999 - clock.now());
    await settle();
    expect(silent.got).toEqual([]);
    clock.advance(11_000 - clock.now());
    expect(silent.got).toEqual([{ word: 'no-answer' }]);
    expect(alice.sent.length).toBe(1 + 3);
  });

  test('[TUNA-21] links that ask at once share a question; one that stops gets nothing, and the last one ends it', async () => {
    const { alice, bob, clock, query } = relays();
    alice.fate = () => 'lost';
    const links = [asked(query), asked(query), asked(query)];
    expect(alice.sent.length).toBe(1);
    links[0]!.stop();
    alice.fate = () => 'answered';
    answerRelay(bob, responder);
    clock.advance(3000 - clock.now());
    await settle();
    expect(links.map(({ got }) => got.length)).toEqual([0, 1, 1]);
    alice.fate = () => 'lost';
    const last = [asked(query), asked(query)];
    for (const { stop } of last) stop();
    clock.advance(30_000 - clock.now());
    await settle();
    expect({ sent: alice.sent.length, got: last.map(({ got }) => got.length) }).toEqual({ sent: 3, got: [0, 0] });
  });

  test('[TUNA-21] strangers and other messages get no answer', async () => {
    const { alice, bob, clock, query } = relays();
    answerRelay(bob, responder, { accepts: (address) => address !== 'alice' });
    const { got } = asked(query);
    await settle(); // An answer would be here.
    expect(got).toEqual([]);
    clock.advance(60_000 - clock.now());
    await settle();
    expect(got).toEqual([{ word: 'no-answer' }]);
    const heard: unknown[] = [];
    answerRelay({ onMessage: (handle) => heard.push(handle({ src: 'bob', payload: 'hello' })) }, responder);
    expect({ heard, sent: alice.sent.length }).toEqual({ heard: [undefined], sent: 3 });
  });
});

describe('tuna/relay: the messages that a client with other handlers gets, and the answers', () => {
  const OTHER = Uint8Array.of(7);
  const SENT = { 'a question': putRequest(ID), 'another message': Uint8Array.of(1, 2) };
  test.each([
    { sent: 'a question', isAccepted: true, answersElse: false, said: putReply(FOUND), acknowledged: 0 },
    { sent: 'a question', isAccepted: true, answersElse: true, said: putReply(FOUND), acknowledged: 0 },
    { sent: 'a question', isAccepted: false, answersElse: false, said: 'nothing', acknowledged: 0 },
    { sent: 'a question', isAccepted: false, answersElse: true, said: 'nothing', acknowledged: 0 },
    { sent: 'another message', isAccepted: false, answersElse: false, said: null, acknowledged: 1 },
    { sent: 'another message', isAccepted: false, answersElse: true, said: OTHER, acknowledged: 0 },
  ] as const)(
    '[TUNA-21] $sent, accepted: $isAccepted, another handler answers: $answersElse',
    async ({ sent, isAccepted, answersElse, said, acknowledged }) => {
      const { alice, bob } = relays();
      answerRelay(bob, responder, { accepts: () => isAccepted });
      bob.onMessage(() => (answersElse ? OTHER : undefined));
      let got: unknown = 'nothing';
      void alice.send('bob', SENT[sent]).then((reply) => (got = reply));
      await settle();
      expect({ got, acknowledged: bob.acknowledged }).toEqual({ got: said, acknowledged });
    },
  );
});

test('[TUNA-21] tuna/relay: `false` means silence to a client of the relays; other messages are left to other handlers', () => {
  const said = (accepts: boolean, payload: Uint8Array | string, with_: AddressResponder = responder): unknown => {
    let answer: unknown;
    answerRelay({ onMessage: (handle) => (answer = handle({ src: 'eve', payload })) }, with_, { accepts: () => accepts });
    return answer;
  };
  expect(said(false, putRequest(ID))).toBe(false);
  expect(said(false, putRequest(undefined))).toBe(false);
  expect(said(true, putRequest(ID), { reply: () => ({ word: 'no-answer' }) })).toBe(false);
  expect([said(false, 'hello'), said(true, 'hello'), said(true, '{"action":"other"}')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(said(true, putRequest(ID))).toEqual(putReply(FOUND));
});

describe('tuna/addresses: over a connection', () => {
  const engines: Engine[] = [];
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((each) => each.shutdown()));
  });

  async function pairOf(protocol: typeof tuna | typeof resume): Promise<{ near: Connection; far: Connection }> {
    const transports = [memory({ clock: nodeClock })];
    const server = createEngine({ transports, protocols: [protocol()], listen: ['memory://asked'] });
    const client = createEngine({ transports, protocols: [protocol()] });
    engines.push(client, server);
    await Promise.all([server.start(), client.start()]);
    const accepted = server.incoming[Symbol.asyncIterator]().next();
    const near = await client.connect('memory://asked');
    return { near, far: (await accepted).value as Connection };
  }

  test.each([resume, tuna])(
    '[TUNA-22] of %p each question has its own answer, and none when the connection is gone',
    async (protocol) => {
      const { near, far } = await pairOf(protocol);
      const requests: object[] = [];
      answerAddresses(far, {
        reply: (request) => {
          requests.push(request);
          return responder.reply(request);
        },
      });
      const query = addressesOver(near, { from: 'alice' });
      const answered = (session?: Uint8Array): Promise<AddressReply> =>
        new Promise((resolve) => query.query('bob', session, resolve));
      expect(await Promise.all([answered(ID), answered(), answered(Uint8Array.of(9))])).toEqual([
        FOUND,
        FOUND,
        { word: 'session-closed' },
      ]);
      expect(requests).toEqual([
        { from: 'alice', to: 'bob', session: ID },
        { from: 'alice', to: 'bob' },
        { from: 'alice', to: 'bob', session: Uint8Array.of(9) },
      ]);
      far.onMessage = () => {};
      const unanswered = answered(ID);
      void near.close();
      expect(await unanswered).toEqual({ word: 'no-answer' });
      expect(await answered(ID)).toEqual({ word: 'no-answer' });
    },
  );

  test('[TUNA-22] a missing answer is distinguished, questions are bounded, and nonsense is skipped', async () => {
    const { near, far } = await pairOf(resume);
    const clock = new SimClock();
    const query = addressesOver(near, { timeoutMs: 1000, clock });
    const first = asked(query);
    const others = Array.from({ length: 256 }, (_, i) => asked(query, Uint8Array.of(i)));
    expect(others.filter(({ got }) => got.length > 0).length).toBe(1); // 256 wait, the last one can't.
    for (const nonsense of ['', '{}', '{"id":"1","addrs":[]}', '{"id":99999,"addrs":[]}', '[1]'])
      await far.send(new TextEncoder().encode(nonsense));
    expect(first.got).toEqual([]);
    clock.advance(1000 - clock.now());
    expect(first.got).toEqual([{ word: 'no-answer' }]);
    answerAddresses(far, responder);
    for (const nonsense of ['', '{"action":"getPubAddr"}', '{"action":"getPubAddr","id":1}'])
      await near.send(new TextEncoder().encode(nonsense));
    expect(await new Promise((resolve) => query.query('bob', undefined, resolve))).toEqual(FOUND);
  });
});

describe('tuna/addresses: options', () => {
  test.each([
    [{ numTunaListeners: 16 }, 'tuna.numTunaListeners: expected a whole number from 1 to 15, got 16'],
    [{ numTunaListeners: 0 }, 'tuna.numTunaListeners: expected a whole number from 1 to 15, got 0'],
    [{ reconnectRetries: 1.5 }, 'tuna.reconnectRetries: expected a whole number, negative for no limit, got 1.5'],
    [{ reconnectIntervalMs: -1 }, 'tuna.reconnectIntervalMs: expected a finite number of at least 0, got -1'],
    [{ reconnectInterval: 2000 }, 'tuna: there is no option "reconnectInterval"'],
    [{ addresses: ['tcp://a:1'] }, 'tuna.addresses: expected an address query, got a list'],
    [{ identity: 'abc' }, 'tuna.identity: expected what `tunaIdentity` made, got "abc"'],
    [{ isStream: false, windowBytes: 1000 }, 'tuna.windowBytes: expected room for a packet of 1300 bytes, got 1000'],
  ])('that can not be are named: %j', (options, message) => {
    expect(() => tuna(options as object)).toThrow(expect.objectContaining({ code: 'bad-option', message }) as Error);
  });

  test('that may be: a negative number of retries is no limit', () => {
    expect(tuna({ reconnectRetries: -1 }).redial).not.toHaveProperty('retriesMax');
    expect(tuna({ reconnectRetries: 0 }).redial).toHaveProperty('retriesMax', 0);
  });
});
