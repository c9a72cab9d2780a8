import { turns, Witness, type Listener, type End, type Script } from './witness.js';
import { SessionError } from '../../machines/errors.js';
import type { Offer, Transport, WireCauseKind } from '../../machines/ports.js';
import { noise, piecesOf } from './bytes.js';

export { noise } from './bytes.js';
export { End, Witness, type Listener, type Script } from './witness.js';

/** What a transport's own spec brings to the suite. */
export interface TransportFixture {
  /** Listens. */
  readonly transport: Transport;
  /** Dials; default: the one that listens. */
  readonly dialer?: Transport;
  /** Where to listen; port 0 where there are ports. What `onListening` reports is dialed. */
  readonly address: string;
  /** Understood, but nobody listens there. */
  readonly nowhere: string;
  /** Not understood: a wrong scheme, a missing port, whatever is wrong here. */
  readonly badAddresses: readonly string[];
}

const MiB = 1 << 20;
/** No transport may take more than this from a writer whose reader has stopped; what the system buffers is part of it. */
const UNREAD_BYTES_MAX = 64 * MiB;

/**
 * What every transport must do, as a jest suite: `transportCompliance('tcp', () => ({ transport: tcp(), … }))`.
 * It waits for events, never for time. Each test is watched by a `Witness`, which complains about calls from inside
 * calls and about handlers that hear too much or too little.
 *
 * @param makeFixture is called before each test
 */
export function transportCompliance(name: string, makeFixture: () => TransportFixture | Promise<TransportFixture>): void {
  describe(`${name} does what every transport must`, () => {
    let fixture: TransportFixture;
    let witness: Witness;

    beforeEach(async () => {
      fixture = await makeFixture();
      witness = new Witness(fixture.dialer ?? fixture.transport);
    });

    afterEach(async () => {
      await witness.sweep();
      expect(witness.complaints).toEqual([]);
    });

    async function listen(onOffer: (offer: Offer) => void, address = fixture.address): Promise<Listener> {
      const listener = witness.listen(fixture.transport, address, onOffer);
      await witness.until(() => listener.address !== '' || listener.failed !== undefined);
      return listener;
    }

    async function pair(scripts: { dialer?: Script; acceptor?: Script } = {}): Promise<{ a: End; b: End; listener: Listener }> {
      let accepted: End | undefined;
      const listener = await listen((offer) => (accepted = witness.accept(offer, scripts.acceptor)));
      const a = witness.dial(listener.address, scripts.dialer);
      await witness.until(
        () => (accepted !== undefined && (accepted.isOpen || accepted.cause !== undefined)) || a.cause !== undefined,
      );
      return { a: await a.opened(), b: await accepted!.opened(), listener };
    }

    test('reports a bound address that can be dialed, and brings bytes both ways', async () => {
      const { a, b } = await pair();
      a.send(text('ping'));
      expect(String(await b.got(4))).toBe('ping');
      b.send(text('pong'));
      expect(String(await a.got(4))).toBe('pong');
      expect(a.wire.remoteAddress).not.toBe('');
      expect(b.wire.remoteAddress).not.toBe('');
    });

    test('keeps the order of pieces of any size, and adds and drops nothing', async () => {
      const { a, b } = await pair();
      const pieces = piecesOf(2025, 300, 5000);
      for (const each of pieces) a.send(each);
      const whole = Buffer.concat(pieces);
      expect((await b.got(whole.length)).equals(whole)).toBe(true);
      if (fixture.transport.boundaries === 'message') {
        expect(b.chunks.map((each) => each.length)).toEqual(pieces.map((each) => each.length).filter((length) => length > 0));
      }
    });

    test('carries 8 MiB both ways at once when the writers heed send and onDrain', async () => {
      const { a, b } = await pair();
      const there = noise(1, 8 * MiB);
      const back = noise(2, 8 * MiB);
      await Promise.all([a.pour(there), b.pour(back), b.got(there.length), a.got(back.length)]);
      expect(b.received.equals(there)).toBe(true);
      expect(a.received.equals(back)).toBe(true);
    });

    test('carries 8 MiB given in one piece or corked, and says onDrain after each false', async () => {
      const { a, b } = await pair();
      const whole = noise(3, 4 * MiB);
      await a.pour(whole, whole.length);
      a.call('cork');
      let mustWait = false;
      for (let at = 0; at < whole.length; at += MiB) mustWait = !a.send(whole.subarray(at, at + MiB)) || mustWait;
      const { drains } = a;
      a.call('uncork');
      if (mustWait) await witness.until(() => a.drains > drains);
      expect((await b.got(8 * MiB)).equals(Buffer.concat([whole, whole]))).toBe(true);
    });

    test('keeps the order of what is sent before, under and after corks, nested ones too', async () => {
      const { a, b } = await pair();
      const pieces = [...piecesOf(4, 40, 300), noise(5, 100_000), ...piecesOf(6, 10, 40_000)];
      a.send(pieces[0]!);
      a.call('uncork'); // One too many does no harm.
      a.call('cork');
      for (const each of pieces.slice(1, 20)) a.send(each);
      a.call('cork');
      for (const each of pieces.slice(20, 48)) a.send(each);
      a.call('uncork');
      a.send(pieces[48]!);
      a.call('uncork');
      for (const each of pieces.slice(49)) a.send(each);
      const whole = Buffer.concat(pieces);
      expect((await b.got(whole.length)).equals(whole)).toBe(true);
    });

    test('merges small pieces sent under a cork', async () => {
      const { a, b } = await pair();
      a.call('cork');
      for (let i = 0; i < 100; i++) a.send(text('0123456789'));
      a.call('uncork');
      await b.got(1000);
      expect(b.chunks.length).toBeLessThan(10);
    });

    test('close delivers everything first, then the peer hears that the wire ended and this side that it gave up', async () => {
      const { a, b } = await pair();
      const whole = noise(7, 3 * MiB);
      a.send(whole);
      a.call('close');
      expect(await b.closed()).toMatchObject({ kind: 'ended' });
      expect(b.received.equals(whole)).toBe(true);
      expect(await a.closed()).toMatchObject({ kind: 'aborted' });
    });

    test('close lets corked bytes go first', async () => {
      const { a, b } = await pair();
      a.call('cork');
      a.call('cork');
      a.send(text('farewell'));
      a.call('close');
      await b.closed();
      expect(String(b.received)).toBe('farewell');
    });

    test('destroy ends both sides, and the bytes that arrived are a beginning of those sent', async () => {
      const { a, b } = await pair();
      const whole = noise(8, 2 * MiB);
      a.send(whole);
      a.call('destroy');
      expect(await a.closed()).toMatchObject({ kind: 'aborted' });
      expect(['reset', 'ended']).toContain((await b.closed()).kind);
      expect(b.received.equals(whole.subarray(0, b.receivedBytes))).toBe(true);
    });

    test('the function an opener returned gives the opened wire up, on both sides', async () => {
      for (const side of ['a', 'b'] as const) {
        const { a, b, listener } = await pair();
        const [first, second] = side === 'a' ? [a, b] : [b, a];
        first.abort();
        expect(await first.closed()).toMatchObject({ kind: 'aborted' });
        expect(['reset', 'ended']).toContain((await second.closed()).kind);
        await new Promise<void>((resolve) => listener.listening.close(resolve));
      }
    });

    test('closing, destroying and aborting again and again is heard once', async () => {
      const { a, b } = await pair();
      for (const method of ['close', 'close', 'destroy', 'destroy', 'close'] as const) a.call(method);
      a.abort();
      await Promise.all([a.closed(), b.closed()]);
      for (const end of [a, b])
        for (const method of ['close', 'destroy', 'pause', 'resume', 'cork', 'uncork'] as const) end.call(method);
      await turns(5);
      expect([a.causes.length, b.causes.length]).toEqual([1, 1]);
    });

    test('two sides that close at once both hear it once', async () => {
      const { a, b } = await pair();
      a.send(text('x'));
      a.call('close');
      b.call('close');
      await Promise.all([a.closed(), b.closed()]);
      expect([a.cause?.kind, b.cause?.kind]).toEqual(['aborted', 'aborted']);
    });

    test('what is sent after close is void', async () => {
      const { a, b } = await pair();
      a.send(text('before'));
      a.call('close');
      expect(() => a.send(text('after'))).not.toThrow();
      await Promise.all([a.closed(), b.closed()]);
      for (const end of [a, b]) expect(() => end.send(text('long after'))).not.toThrow();
      expect(String(b.received)).toBe('before');
    });

    test('a side that closed or destroyed hears no more bytes', async () => {
      for (const method of ['close', 'destroy'] as const) {
        const { a, b, listener } = await pair({ dialer: { onBytes: (end) => end.call(method) } });
        const pouring = b.pour(noise(9, 4 * MiB));
        await Promise.all([a.closed(), b.closed(), pouring]);
        expect(a.chunks.length).toBe(1);
        await new Promise<void>((resolve) => listener.listening.close(resolve));
      }
    });

    test('a wire may be closed or destroyed from inside onOpen', async () => {
      for (const method of ['close', 'destroy'] as const) {
        let accepted: End | undefined;
        const listener = await listen((offer) => (accepted = witness.accept(offer, { onOpen: (end) => end.call(method) })));
        const a = witness.dial(listener.address);
        expect(['reset', 'ended']).toContain((await a.closed()).kind); // A reset may even come before onOpen.
        expect((await accepted!.closed()).kind).toBe('aborted');
        await new Promise<void>((resolve) => listener.listening.close(resolve));
      }
    });

    test('bytes that arrive before the acceptor opened are delivered after it did', async () => {
      let offered: Offer | undefined;
      const listener = await listen((offer) => (offered = offer));
      const a = witness.dial(listener.address, { onOpen: (end) => void end.send(text('early')) });
      await witness.until(() => offered !== undefined);
      await turns(20);
      const b = witness.accept(offered!);
      expect(String(await b.got(5))).toBe('early');
      await a.opened();
    });

    test('a dialer that leaves before the acceptor opened leaves no wire behind', async () => {
      let offered: Offer | undefined;
      const listener = await listen((offer) => (offered = offer));
      const a = witness.dial(listener.address);
      await witness.until(() => offered !== undefined);
      a.abort();
      await a.closed();
      await turns(20);
      expect(['reset', 'ended']).toContain((await witness.accept(offered!).closed()).kind);
    });

    test('an attempt that is given up at once ends as aborted, unopened', async () => {
      const listener = await listen((offer) => void witness.accept(offer));
      for (const address of [listener.address, fixture.nowhere]) {
        const a = witness.dial(address);
        a.abort();
        a.abort();
        expect(await a.closed()).toMatchObject({ kind: 'aborted' });
        expect(a.isOpen).toBe(false);
      }
    });

    test('an acceptor that opens and gives up at once hears it once', async () => {
      let accepted: End | undefined;
      const listener = await listen((offer) => {
        accepted = witness.accept(offer);
        accepted.abort();
      });
      const a = witness.dial(listener.address);
      await a.closed();
      expect((await accepted!.closed()).kind).toBe('aborted');
    });

    test('nobody listening is told as refused', async () => {
      expect(await witness.dial(fixture.nowhere).closed()).toMatchObject({ kind: 'refused' });
    });

    test('an offer can be refused, and the dialer hears an end that is not its own', async () => {
      const listener = await listen((offer) => witness.inside(() => offer.refuse({ code: 'busy', retryAfterMs: 1500 })));
      const ends: WireCauseKind[] = ['refused', 'ended', 'reset'];
      expect(ends).toContain((await witness.dial(listener.address).closed()).kind);
    });

    test('an address in use is told as failed', async () => {
      const listener = await listen((offer) => void witness.accept(offer));
      const second = await listen(() => {}, listener.address);
      expect(second.failed).toMatchObject({ kind: 'refused' });
    });

    test('closing the listening leaves wires alone, refuses newcomers and frees the address', async () => {
      const { a, b, listener } = await pair();
      listener.listening.close();
      await new Promise<void>((resolve) => listener.listening.close(resolve));
      expect((await witness.dial(listener.address).closed()).kind).toBe('refused');
      a.send(text('still here'));
      expect(String(await b.got(10))).toBe('still here');
      const again = await listen((offer) => void witness.accept(offer), listener.address);
      expect(again.address).toBe(listener.address);
      await witness.dial(again.address).opened();
    });

    test('a listening that is closed at once never listens', async () => {
      const listener = witness.listen(fixture.transport, fixture.address, () => {});
      await new Promise<void>((resolve) => listener.listening.close(resolve));
      await turns(5);
      expect(listener).toMatchObject({ address: '', failed: undefined });
    });

    test('the bytes given to send are left as they were', async () => {
      const { a, b } = await pair();
      const mine = noise(10, 300_000);
      const copy = Buffer.from(mine);
      a.send(mine.subarray(0, 100));
      a.call('cork');
      a.send(mine.subarray(100, 200));
      a.send(mine.subarray(200));
      a.call('uncork');
      // The witness writes over every chunk that was given away.
      expect((await b.got(mine.length)).equals(copy)).toBe(true);
      expect(mine.equals(copy)).toBe(true);
    });

    test('a paused reader hears nothing, a writer is told to wait within a bound, and resume brings all of it', async () => {
      const { a, b } = await pair({ acceptor: { onBytes: (end) => end.chunks.length === 1 && end.call('pause') } });
      const piece = noise(11, 64 * 1024);
      let sentBytes = 0;
      for (let i = 0; i < 100; i++, sentBytes += 10) a.send(text('0123456789'));
      for (let isStuck = false; !isStuck && sentBytes <= UNREAD_BYTES_MAX;) {
        const { drains } = a;
        sentBytes += piece.length;
        if (a.send(piece)) continue;
        for (let i = 0; i < 100 && a.drains === drains; i++) await turns(1);
        isStuck = a.drains === drains;
      }
      expect(sentBytes).toBeLessThan(UNREAD_BYTES_MAX);
      expect(b.chunks.length).toBe(1);
      const { drains } = a;
      b.call('resume');
      await Promise.all([b.got(sentBytes), witness.until(() => a.drains > drains)]);
      expect(b.receivedBytes).toBe(sentBytes);
    });

    test('a farewell waits behind what a paused reader has not read', async () => {
      const { a, b } = await pair({ acceptor: { onBytes: (end) => end.chunks.length === 1 && end.call('pause') } });
      const pieces = piecesOf(12, 50, 3000);
      for (const each of pieces) a.send(each);
      a.call('close');
      await witness.until(() => b.chunks.length > 0);
      await turns(20);
      expect([b.chunks.length, b.cause]).toEqual([1, undefined]);
      b.call('resume');
      expect(await b.closed()).toMatchObject({ kind: 'ended' });
      expect(b.received.equals(Buffer.concat(pieces))).toBe(true);
    });

    test('a wire that is paused when it opens waits for resume', async () => {
      const { a, b } = await pair({ acceptor: { onOpen: (end) => end.call('pause') } });
      a.send(text('later'));
      await turns(20);
      expect(b.chunks).toEqual([]);
      b.call('resume');
      expect(String(await b.got(5))).toBe('later');
    });

    test('twenty wires at once do not mix', async () => {
      const accepted: End[] = [];
      const listener = await listen((offer) =>
        accepted.push(witness.accept(offer, { onBytes: (end) => void end.send(end.chunks.at(-1)!) })),
      );
      const dialers = Array.from({ length: 20 }, (_, i) =>
        witness.dial(listener.address, { onOpen: (end) => void end.send(noise(i, 10_000)) }),
      );
      for (const [i, each] of dialers.entries()) expect((await each.got(10_000)).equals(noise(i, 10_000))).toBe(true);
      expect(accepted.length).toBe(20);
    });

    test('an address that makes no sense is thrown back with its name in the message', () => {
      for (const address of fixture.badAddresses) {
        for (const use of [() => fixture.transport.dial(address), () => fixture.transport.listen(address, none)]) {
          const error = thrownBy(use);
          expect(error).toBeInstanceOf(SessionError);
          expect(error).toMatchObject({ code: 'bad-address', message: expect.stringContaining(address) as string });
        }
      }
    });
  });
}

const none = { onListening: () => {}, onOffer: () => {}, onFailed: () => {} };

function thrownBy(use: () => unknown): unknown {
  try {
    return use();
  } catch (error) {
    return error;
  }
}

function text(words: string): Buffer {
  return Buffer.from(words);
}
