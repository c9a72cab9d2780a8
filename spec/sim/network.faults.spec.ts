import type { Offer, Transport, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import { SimClock } from './clock.js';
import type { SimLink } from './link.js';
import { SimNetwork } from './network.js';
import { CALM, type SimNetworkOptions } from './network.options.js';
import { SeededRandom } from './random.js';

/** One end, which writes down what it hears. */
class Tap implements WireHandler {
  wire!: Wire;
  readonly heard: string[] = [];
  readonly chunks: Uint8Array[] = [];
  abort: () => void = () => {};

  constructor(readonly world: World) {}

  onOpen(wire: Wire): void {
    this.wire = wire;
    this.#hear('open');
  }
  onBytes(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
    if (!this.wire.lends) bytes.fill(0xdd); // What is given away may be written over.
    this.#hear(`bytes ${bytes.length}`);
  }
  onDrain(): void {
    this.#hear('drain');
  }
  onProbeAnswer(): void {
    this.#hear('probe');
  }
  onClose({ kind, ...rest }: WireCause): void {
    this.#hear(
      `close ${kind}${Object.values(rest)
        .map((each) => ` ${each}`)
        .join('')}`,
    );
  }
  #hear(what: string): void {
    if (this.heard.at(-1)?.startsWith('close')) throw new Error(`${what} after onClose`);
    this.heard.push(what);
    this.world.story.push(`${this.world.clock.now()} ${what}`);
  }
  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }
  get end(): string {
    return this.heard.at(-1) ?? '';
  }
}

class World {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly story: string[] = [];
  readonly offers: Offer[] = [];
  readonly accepted: Tap[] = [];
  readonly #dialer: Transport;
  takes = true;

  constructor(seed: number, options: SimNetworkOptions = CALM) {
    this.network = new SimNetwork(this.clock, new SeededRandom(seed), options);
    this.#dialer = this.network.transport('a');
    this.listen();
  }

  listen(host = 'b'): void {
    this.network.transport(host, { process: this.clock.process() }).listen(`sim://${host}:1`, {
      onListening: () => {},
      onFailed: ({ code }) => this.story.push(`${host} failed ${code}`),
      onOffer: (offer) => {
        this.offers.push(offer);
        if (this.takes) this.take(offer);
      },
    });
    this.clock.settle();
  }

  take(offer: Offer): Tap {
    const tap = new Tap(this);
    tap.abort = offer.open(tap);
    this.accepted.push(tap);
    return tap;
  }

  dial(address = 'sim://b:1', fingerprints?: string[]): Tap {
    const tap = new Tap(this);
    tap.abort = this.#dialer.dial(address, fingerprints && { fingerprints })(tap);
    return tap;
  }

  /** An open wire: the dialer's end, the acceptor's, and what lies between. */
  pair(): [near: Tap, far: Tap, link: SimLink] {
    const near = this.dial();
    this.clock.runUntil(() => near.heard.includes('open') && this.accepted.at(-1)?.end === 'open', { stepsMax: 20 });
    return [near, this.accepted.at(-1)!, [...this.network.links].at(-1)!];
  }

  rest(ms = 10_000): void {
    this.clock.advance(ms);
  }
}

const noise = (seed: number, length: number): Uint8Array => new SeededRandom(seed).bytes(length);

describe('bytes on their way', () => {
  test('are chopped and merged at random, and arrive as they were sent, lent or given', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World(seed, {});
      const [near, far] = world.pair();
      const sent: Uint8Array[] = [];
      for (let n = 0; n < 30; n++) {
        sent.push(noise(n, new SeededRandom(n).int(400)));
        near.wire.send(sent[n]!);
        if (n % 3 === 0) world.clock.step();
      }
      world.rest();
      expect({ seed, same: far.received.equals(Buffer.concat(sent)) }).toEqual({ seed, same: true });
      const { counts } = world.network;
      expect({ seed, chopped: counts.chopped > 0, merged: counts.merged > 0 }).toEqual({ seed, chopped: true, merged: true });
      expect(counts.lent).toBe(far.wire.lends ? counts.chunks : 0);
    }
  });

  test('a lent chunk is overwritten, and one that was given away is not', () => {
    for (const lends of [0, 1]) {
      const world = new World(1, { ...CALM, lends });
      const [near, far] = world.pair();
      let kept: Uint8Array | undefined;
      far.onBytes = (bytes) => (kept = bytes);
      near.wire.send(Buffer.from('keep me'));
      world.rest();
      expect(Buffer.from(kept!).toString('latin1')).toBe(lends ? 'îîîîîîî' : 'keep me');
    }
  });

  test('a sender that changes what it has sent is found out, and one whose wire is over is not', () => {
    const world = new World(1);
    const [near, far] = world.pair();
    const mine = Buffer.from('mine');
    near.wire.send(mine);
    mine.fill('x');
    world.rest();
    expect(String(far.received)).toBe('xxxx');
    mine.fill('y');
    near.wire.send(mine);
    near.wire.close();
    world.network.setLatency('a', 'b', [500, 500]);
    near.wire.destroy();
    mine.fill('z');
    world.rest();
    expect(String(far.received)).toMatch(/^xxxxy{0,4}$/);
  });

  test('a full direction says so, and says when there is room again', () => {
    const world = new World(1, { ...CALM, highWaterBytes: 1000 });
    const [near, far] = world.pair();
    expect([near.wire.send(noise(1, 999)), near.wire.send(noise(2, 1))]).toEqual([true, false]);
    world.rest();
    expect(near.heard).toEqual(['open', 'drain']);
    far.wire.pause();
    expect(near.wire.send(noise(3, 5000))).toBe(false);
    world.rest();
    expect([near.end, far.received.length]).toEqual(['drain', 1000]);
    far.wire.resume();
    world.rest();
    expect([near.heard, far.received.length]).toEqual([['open', 'drain', 'drain'], 6000]);
    expect(world.network.counts).toMatchObject({ blocked: 2, drained: 2 });
  });

  test('a farewell waits behind the bytes, also where the reader has paused', () => {
    const world = new World(1);
    const [near, far] = world.pair();
    far.wire.pause();
    near.wire.send(Buffer.from('last words'));
    near.wire.close();
    world.rest();
    expect([near.end, far.end]).toEqual(['open', 'open']);
    far.wire.resume();
    world.rest();
    expect([near.end, far.heard]).toEqual(['close aborted', ['open', 'bytes 10', 'close ended']]);
  });

  test('a writer that never listens is cut at the bound', () => {
    const world = new World(1, { ...CALM, highWaterBytes: 1000, bufferedBytesMax: 10_000 });
    const [near, far] = world.pair();
    far.wire.pause();
    for (let n = 0; n < 11; n++) near.wire.send(noise(n, 1000));
    world.rest();
    expect([near.end, far.end]).toEqual(['close reset ECONNRESET', 'close reset ECONNRESET']);
  });

  test('a slow line takes its time', () => {
    const world = new World(1, { ...CALM, bytesPerMs: 10 });
    const [near, far] = world.pair();
    const beganMs = world.clock.now();
    near.wire.send(noise(1, 1000));
    near.wire.send(noise(2, 500));
    world.clock.runUntil(() => far.received.length === 1500);
    expect(world.clock.now() - beganMs).toBe(151);
  });

  test('signs of life travel with the bytes, where the transport has them', () => {
    const world = new World(1, { ...CALM, boundaries: 'message', latencyMs: [5, 5] });
    const [near, far, link] = world.pair();
    near.wire.probe!();
    world.clock.advance(9);
    expect(near.end).toBe('open');
    world.clock.advance(1);
    expect([near.end, far.heard]).toEqual(['probe', ['open']]);
    link.silence('far');
    near.wire.probe!();
    world.rest();
    expect(near.heard).toEqual(['open', 'probe']);
    expect(new World(1).pair()[0].wire.probe).toBeUndefined();
  });
});

describe('a cut', () => {
  test('keeps a beginning of what was under way: none, all, and everything between', () => {
    const kept = new Map<number, number>();
    for (let seed = 1; seed <= 400; seed++) {
      const world = new World(seed);
      const [near, far, link] = world.pair();
      const sent = noise(seed, 12);
      near.wire.send(sent.subarray(0, 5));
      near.wire.send(sent.subarray(5));
      link.cut();
      world.rest();
      expect({ seed, ends: [near.end, far.end] }).toEqual({ seed, ends: Array<string>(2).fill('close reset ECONNRESET') });
      const { received } = far;
      expect({ seed, bytes: [...received] }).toEqual({ seed, bytes: [...sent.subarray(0, received.length)] });
      kept.set(received.length, (kept.get(received.length) ?? 0) + 1);
      expect(world.network.counts.lostBytes).toBe(12 - received.length);
      expect([world.network.links.size, world.network.ends]).toEqual([0, 0]);
    }
    // Each of the 13 places is about as likely as the others, 31 times of 400.
    for (let n = 0; n <= 12; n++) expect({ n, often: kept.get(n)! > 12 && kept.get(n)! < 60 }).toEqual({ n, often: true });
  });

  test('keeps whole messages where there are messages', () => {
    const kept = new Set<number>();
    for (let seed = 1; seed <= 100; seed++) {
      const world = new World(seed, { ...CALM, boundaries: 'message' });
      const [near, far, link] = world.pair();
      for (const length of [3, 4, 5]) near.wire.send(noise(seed, length));
      link.cut();
      world.rest();
      kept.add(far.received.length);
    }
    expect([...kept].sort((a, b) => a - b)).toEqual([0, 12, 3, 7].sort((a, b) => a - b));
  });

  test('falls on the exact byte somebody chose', () => {
    for (let count = 0; count <= 20; count++) {
      for (const options of [CALM, {}]) {
        const world = new World(count + 1, options);
        const [near, far, link] = world.pair();
        link.cutAfterBytes(count, 'far');
        near.wire.send(noise(1, 9));
        near.wire.send(noise(2, 11));
        near.wire.send(noise(2, 11));
        world.rest();
        expect({ count, got: far.received.length, end: far.end }).toEqual({ count, got: count, end: 'close reset ECONNRESET' });
        expect(near.end).toBe('close reset ECONNRESET');
      }
    }
  });

  test('never falls into a message: one that does not fit before the byte is lost', () => {
    for (const [count, got] of [
      [8, 0],
      [9, 9],
      [19, 9],
      [20, 20],
    ] as const) {
      const world = new World(1, { ...CALM, boundaries: 'message' });
      const [near, far, link] = world.pair();
      link.cutAfterBytes(count, 'far');
      for (const length of [9, 11, 11]) near.wire.send(noise(1, length));
      world.rest();
      expect({ count, got: far.received.length, end: far.end }).toEqual({ count, got, end: 'close reset ECONNRESET' });
    }
  });

  test('that nobody hears of lets a dial hang until it gives up, on its way and at the door', () => {
    const world = new World(1);
    world.network.onLink = (link) => link.cut('silent');
    const onItsWay = world.dial();
    world.rest();
    expect([onItsWay.heard, world.offers.length]).toEqual([['close unreachable ETIMEDOUT'], 0]);
    world.network.onLink = undefined;
    world.takes = false;
    const atTheDoor = world.dial();
    world.rest(10);
    world.network.cutAll('silent');
    const far = world.take(world.offers[0]!);
    world.rest();
    expect([atTheDoor.heard, far.heard]).toEqual([['close unreachable ETIMEDOUT'], ['open']]);
  });

  test('can be waiting for a wire that does not exist yet', () => {
    const world = new World(1);
    world.network.onLink = (link) => link.cutAfterBytes(3, 'near');
    const [near, far] = world.pair();
    far.wire.send(Buffer.from('abcdef'));
    world.rest();
    expect([String(near.received), near.end]).toEqual(['abc', 'close reset ECONNRESET']);
  });

  test('that one end hears of leaves the other half open: it is told when it sends, or never', () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      for (const mode of ['near', 'far'] as const) {
        const world = new World(seed);
        const [near, far, link] = world.pair();
        const [told, deaf] = mode === 'near' ? [near, far] : [far, near];
        link.cut(mode);
        world.rest();
        expect({ seed, told: told.end, deaf: deaf.end }).toEqual({ seed, told: 'close reset ECONNRESET', deaf: 'open' });
        expect([deaf.wire.send(noise(1, 60_000)), deaf.wire.send(noise(1, 60_000))]).toEqual([true, false]);
        world.rest();
        ends.add(deaf.end);
        deaf.wire.destroy();
        world.rest();
        expect(world.network.ends).toBe(0);
      }
    }
    expect([...ends].sort()).toEqual(['close reset ECONNRESET', 'open']);
  });

  test('that nobody hears of leaves both half open', () => {
    const world = new World(3);
    const [near, far, link] = world.pair();
    link.cut('silent');
    for (const end of [near, far]) end.wire.send(noise(1, 10));
    world.rest();
    expect([near.heard, far.heard, world.network.links.size]).toEqual([['open'], ['open'], 1]);
    near.wire.close(); // Its farewell arrives nowhere either.
    world.rest();
    expect([near.end, far.end]).toEqual(['open', 'open']);
    near.abort();
    far.abort();
    world.rest();
    expect([near.end, far.end, world.network.links.size]).toEqual(['close aborted', 'close aborted', 0]);
  });

  test('can bring old bytes, and an old close, after a newer wire is open', () => {
    const sums = { lateBytes: 0, lateCloses: 0 };
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World(seed);
      const [near, far, link] = world.pair();
      near.wire.send(noise(1, 100));
      link.cut(seed % 2 ? 'near' : 'both', { withinMs: 200, keep: 'all' });
      world.pair();
      world.rest();
      if (seed % 2) far.wire.send(noise(1, 1));
      world.rest();
      sums.lateBytes += world.network.counts.lateBytes;
      sums.lateCloses += world.network.counts.lateCloses;
    }
    expect({ bytes: sums.lateBytes > 300, closes: sums.lateCloses > 3 }).toEqual({ bytes: true, closes: true });
  });

  test('of everything spares nobody, not even a dial on its way', () => {
    const world = new World(1);
    const [near, far] = world.pair();
    const dialer = world.dial();
    expect(world.network.cutAll()).toBe(2);
    expect(world.network.cutAll()).toBe(0);
    world.rest();
    for (const each of [near, far, dialer]) expect(each.end).toBe('close reset ECONNRESET');
    expect(world.network.links.size).toBe(0);
  });
});

describe('silence', () => {
  test('in one direction swallows nothing for good: what was held back arrives after it, in order', () => {
    const world = new World(1, {});
    const [near, far] = world.pair();
    const end = world.network.silence('a', 'b');
    near.wire.send(Buffer.from('held '));
    far.wire.send(Buffer.from('heard'));
    world.rest();
    near.wire.send(Buffer.from('back'));
    near.wire.close();
    world.rest();
    expect([String(far.received), String(near.received)]).toEqual(['', 'heard']);
    expect([near.end.slice(0, 5), far.end]).toEqual(['bytes', 'open']);
    end();
    end();
    world.rest();
    expect([String(far.received), far.end, near.end]).toEqual(['held back', 'close ended', 'close aborted']);
  });

  test('of one wire leaves the others alone', () => {
    const world = new World(1);
    const [near, far, link] = world.pair();
    const [near2, far2] = world.pair();
    const end = link.silence();
    for (const each of [near, far, near2, far2]) each.wire.send(Buffer.from('x'));
    world.rest();
    expect([near, far, near2, far2].map((each) => String(each.received))).toEqual(['', '', 'x', 'x']);
    end();
    world.rest();
    expect([near, far].map((each) => String(each.received))).toEqual(['x', 'x']);
  });

  test('lets a dial hang until it gives up, or until the silence is over', () => {
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const world = new World(1);
      const end = world.network.silence(from, to);
      const hangs = world.dial();
      world.rest(2999);
      expect(hangs.heard).toEqual([]);
      const waits = world.dial();
      world.rest(1);
      expect(hangs.heard).toEqual(['close unreachable ETIMEDOUT']);
      world.rest(1000);
      end();
      world.rest(1000);
      expect(waits.heard).toEqual(['open']);
      expect(world.accepted.at(-1)!.heard).toEqual(['open']);
    }
  });

  test('is what a partition is, or a partition is told to everybody', () => {
    const silent = new World(1);
    const [near, far] = silent.pair();
    const heal = silent.network.partition(['a'], ['b', 'c']);
    for (const each of [near, far]) each.wire.send(Buffer.from('x'));
    silent.rest();
    expect([near.heard, far.heard]).toEqual([['open'], ['open']]);
    heal();
    silent.rest();
    expect([near.heard, far.heard]).toEqual([
      ['open', 'bytes 1'],
      ['open', 'bytes 1'],
    ]);
    const told = new World(1);
    const pair = told.pair();
    const mend = told.network.partition(['b'], ['a'], 'told');
    const dialer = told.dial();
    told.rest();
    expect([pair[0].end, pair[1].end, dialer.end]).toEqual([
      'close reset ECONNRESET',
      'close reset ECONNRESET',
      'close unreachable EHOSTUNREACH',
    ]);
    mend();
    told.pair();
    const dark = told.network.dark();
    expect(told.dial().heard).toEqual([]);
    dark();
    told.pair();
  });
});

describe('a dial', () => {
  test('is refused where nobody listens, for a time, and by the acceptor with its reason', () => {
    const world = new World(1);
    const nobody = world.dial('sim://b:2');
    world.network.refuse('b', 100);
    const early = world.dial();
    world.rest();
    world.takes = false;
    const sentAway = world.dial();
    world.rest(100);
    expect(sentAway.heard).toEqual([]);
    world.offers[0]!.refuse({ code: 'busy', retryAfterMs: 1500 });
    world.rest();
    expect([nobody.heard, early.heard, sentAway.heard]).toEqual([
      ['close refused ECONNREFUSED'],
      ['close refused ECONNREFUSED'],
      ['close refused busy 1500'],
    ]);
    expect(() => world.offers[0]!.refuse({ code: 'busy', retryAfterMs: 0 })).toThrow('an offer is answered once');
    expect([world.network.counts.refused, world.network.links.size]).toEqual([3, 0]);
  });

  test('can be open before anybody took it, and then a refusal is an end', () => {
    const world = new World(1, { ...CALM, opensEarly: 1 });
    world.takes = false;
    const near = world.dial();
    world.rest();
    near.wire.send(Buffer.from('early'));
    world.rest();
    expect(String(world.take(world.offers[0]!).received)).toBe('');
    world.rest();
    expect(String(world.accepted[0]!.received)).toBe('early');
    const sentAway = world.dial();
    world.rest();
    world.offers[1]!.refuse({ code: 'busy', retryAfterMs: 1 });
    world.rest();
    expect(sentAway.heard[0]).toBe('open');
    expect(['close ended', 'close reset ECONNRESET']).toContain(sentAway.end);
  });

  test('of an unknown host has no address; of another key it is no use', () => {
    const world = new World(1);
    world.network.host('b').identity = { fingerprint: 'f'.repeat(64) };
    const unknown = world.dial('sim://nowhere:1');
    const wrong = world.dial('sim://b:1', ['0'.repeat(64)]);
    const right = world.dial('sim://b:1', ['0'.repeat(64), 'f'.repeat(64)]);
    world.rest(100);
    expect([unknown.heard, wrong.heard, right.heard]).toEqual([
      ['close resolve-failed ENOTFOUND'],
      ['close identity-mismatch'],
      ['open'],
    ]);
    expect(right.wire.identity?.fingerprint).toBe('f'.repeat(64));
    expect([right.wire.remoteAddress, world.offers[0]!.remoteAddress]).toEqual(['b:1', 'a:10003']);
  });
});

describe('a host', () => {
  test('that is stopped takes nothing until it runs again, and its peers hear nothing', () => {
    const world = new World(1, { ...CALM, opensEarly: 1 });
    const [near, far] = world.pair();
    near.wire.send(Buffer.from('are you '));
    world.network.host('b').process!.freeze(30_000);
    near.wire.send(Buffer.from('there?'));
    const late = world.dial();
    world.rest(29_000);
    expect([far.heard, near.heard, late.heard, world.accepted.length]).toEqual([['open'], ['open'], ['open'], 1]);
    world.rest(2000);
    expect([far.end, world.accepted.length]).toEqual(['bytes 14', 2]);
    expect(world.network.counts.held).toBeGreaterThan(0);
  });

  test('whose network comes up anew has lost its wires and its listeners', () => {
    const world = new World(1);
    const [near, far] = world.pair();
    world.network.restart('b');
    const refused = world.dial();
    world.rest();
    expect([near.end, far.end, refused.end]).toEqual([
      'close reset ECONNRESET',
      'close reset ECONNRESET',
      'close refused ECONNREFUSED',
    ]);
    expect(world.story).toContain('b failed ENETDOWN');
    world.listen();
    const [again] = world.pair();
    world.network.restart('a'); // Its process lives on, and may dial by the transport it has.
    world.rest();
    expect(again.end).toBe('close reset ECONNRESET');
    world.pair();
  });

  test('that crashes hears nothing any more; its peers are reset, or after a power cut not even that', () => {
    for (const how of ['crash', 'power'] as const) {
      const world = new World(1);
      const [near, far] = world.pair();
      const old = world.network.transport('b');
      const fired: string[] = [];
      world.network.host('b').process!.setTimeout(() => fired.push('a timer of the dead'), 5);
      world.network.restart('b', how);
      far.wire.send(Buffer.from('from the grave'));
      const undead = new Tap(world);
      old.dial('sim://a:1')(undead);
      world.rest();
      expect([far.heard, undead.heard, fired]).toEqual([['open'], [], []]);
      expect(near.heard).toEqual(how === 'crash' ? ['open', 'close reset ECONNRESET'] : ['open']);
      if (how === 'power') near.wire.send(Buffer.from('anybody?'));
      world.rest();
      expect([near.end, world.network.links.size]).toEqual(['close reset ECONNRESET', 0]);
      world.listen();
      world.pair();
    }
  });
});
