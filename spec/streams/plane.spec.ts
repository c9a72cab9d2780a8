import { SeededRandom } from '../sim/random.js';
import { STREAMS_LIMITS, type StreamFrame, type StreamsLimits } from '../../machines/streams/streams.messages.js';
import { StreamsPlane, type StreamEvent } from '../../machines/streams/streams.plane.js';

const SMALL: Partial<StreamsLimits> = {
  streamsMax: 12,
  pendingMax: 4,
  windowBytes: 400,
  windowBytesMin: 20,
  grantsBytesMax: 1500,
  sendBytesMax: 4000,
  sendBytesHigh: 500,
  chunkBytes: 64,
};
const bytes = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
const hello: StreamFrame = { kind: 'hello', versionMin: 1, versionMax: 1, features: 0 };

/** A plane whose peer is the test. */
function played(role: 'dialer' | 'acceptor' = 'acceptor', limits: Partial<StreamsLimits> = {}): StreamsPlane {
  const plane = new StreamsPlane(role, limits);
  plane.handle(hello);
  said(plane);
  return plane;
}
const said = (plane: StreamsPlane, mayBulk = true): StreamFrame[] => {
  const frames: StreamFrame[] = [];
  for (let frame; (frame = plane.poll(mayBulk)) !== undefined;) frames.push(frame);
  return frames;
};
const open = (stream: number): StreamFrame => ({ kind: 'open', stream, purpose: 'x', target: '' });

describe('streams: two honest planes, with random calls and delays', () => {
  test('[STR-1] [STR-2] [STR-3] no rule is broken, bytes come whole and in order, bounds hold, and nothing is left (400 seeds)', () => {
    const sums = { data: 0, ends: 0, resets: 0, refused: 0, busy: 0, crossed: 0 };
    for (let seed = 1; seed <= 400; seed++) {
      const result = new Pair(seed, sums).run();
      expect({ seed, ...result }).toEqual({ seed, faults: [], left: [0, 0], pending: [0, 0], held: [0, 0] });
    }
    // What this is about really happened.
    for (const [what, times] of Object.entries(sums)) expect({ what, happened: times > 0 }).toEqual({ what, happened: true });
  });
});

interface Flow {
  written: number;
  got: number;
  over: boolean;
}

/** Two planes, a queue in each direction, and chance. */
class Pair {
  readonly random: SeededRandom;
  readonly planes = [new StreamsPlane('dialer', SMALL), new StreamsPlane('acceptor', SMALL)] as const;
  readonly queues: [StreamFrame[], StreamFrame[]] = [[], []]; // What each side has said and the other has not heard.
  readonly flows: [Map<number, Flow>, Map<number, Flow>] = [new Map(), new Map()]; // By the side that writes.
  readonly asked: [number[], number[]] = [[], []];
  readonly live: [Set<number>, Set<number>] = [new Set(), new Set()];
  readonly kept: [Map<number, number>, Map<number, number>] = [new Map(), new Map()];
  readonly faults: string[] = [];

  constructor(
    readonly seed: number,
    readonly sums: Record<string, number>,
  ) {
    this.random = new SeededRandom(seed);
  }

  run(): object {
    for (let i = 0; i < 600; i++) this.#act(this.random.int(2) as 0 | 1, this.random.int(100));
    for (let rounds = 0; rounds < 2000 && this.#finish(); rounds++);
    const [a, b] = this.planes;
    return {
      faults: this.faults,
      left: [a.size, b.size],
      pending: [a.pending, b.pending],
      held: [a.heldBytes, b.heldBytes],
    };
  }

  #act(side: 0 | 1, dice: number): void {
    const plane = this.planes[side];
    const { random } = this;
    if (dice < 30) return this.#say(side, 1 + random.int(4));
    if (dice < 60) return this.#hear(side, 1 + random.int(4));
    if (dice < 66 && plane.size < SMALL.streamsMax!) {
      const id = plane.open('x');
      this.flows[side].set(id, { written: 0, got: 0, over: false });
      this.live[side].add(id);
      return;
    }
    if (dice < 74) return this.#answer(side);
    if (dice < 80) return this.#consume(side, random.int(300));
    const id = [...this.live[side]][random.int(this.live[side].size || 1)];
    if (id === undefined) return;
    if (dice < 94) this.#write(side, id, 1 + random.int(300));
    else if (dice < 97) {
      plane.end(id);
      this.flows[side].get(id)!.over = true;
    } else {
      plane.reset(id, 'cancelled');
      this.#forget(side, id);
      this.sums['resets']!++;
    }
  }

  #write(side: 0 | 1, id: number, length: number): void {
    const flow = this.flows[side].get(id)!;
    if (flow.over || !this.planes[side].hasRoom(id)) return;
    this.planes[side].write(id, bytes(length, flow.written));
    flow.written += length;
  }

  #answer(side: 0 | 1): void {
    const id = this.asked[side].shift();
    if (id === undefined) return;
    if (this.random.chance(0.2)) {
      this.sums['refused']!++;
      return this.planes[side].refuse(id, 'forbidden');
    }
    this.planes[side].accept(id);
    this.flows[side].set(id, { written: 0, got: 0, over: false });
    this.live[side].add(id);
  }

  #consume(side: 0 | 1, bytesMax: number): void {
    for (const [id, kept] of this.kept[side]) {
      const part = Math.min(kept, bytesMax);
      this.planes[side].consumed(id, part);
      if (part === kept) this.kept[side].delete(id);
      else this.kept[side].set(id, kept - part);
    }
  }

  #say(side: 0 | 1, frames: number): void {
    for (let frame; frames-- > 0 && (frame = this.planes[side].poll(true)) !== undefined;) this.queues[side].push(frame);
  }

  #hear(side: 0 | 1, frames: number): void {
    for (let frame; frames-- > 0 && (frame = this.queues[1 - side]!.shift()) !== undefined;) {
      this.#heard(side, this.planes[side].handle(frame));
      if (this.planes[side].heldBytes > SMALL.grantsBytesMax!) this.faults.push(`${side} holds ${this.planes[side].heldBytes}`);
    }
  }

  #heard(side: 0 | 1, heard: StreamEvent): void {
    const other = (1 - side) as 0 | 1;
    switch (heard.word) {
      case 'asked':
        this.asked[side].push(heard.stream);
        return;
      case 'data': {
        const flow = this.flows[other].get(heard.stream)!;
        for (const byte of heard.bytes)
          if (byte !== (flow.got++ & 0xff)) return void this.faults.push(`stream ${heard.stream} is out of order at ${flow.got}`);
        this.kept[side].set(heard.stream, (this.kept[side].get(heard.stream) ?? 0) + heard.bytes.length);
        this.sums['data']!++;
        return;
      }
      case 'end': {
        const flow = this.flows[other].get(heard.stream)!;
        if (flow.got !== flow.written) this.faults.push(`stream ${heard.stream} ended with ${flow.got} of ${flow.written}`);
        this.sums['ends']!++;
        return;
      }
      case 'refused':
        if (heard.code === 'busy') this.sums['busy']!++;
        return this.#forget(side, heard.stream);
      case 'reset':
        if (this.asked[side].includes(heard.stream)) this.sums['crossed']!++;
        return this.#forget(side, heard.stream);
      case 'violation':
        return void this.faults.push(`${heard.rule}: ${heard.what}`);
      default:
    }
  }

  #forget(side: 0 | 1, id: number): void {
    this.live[side].delete(id);
    this.kept[side].delete(id);
    this.asked[side] = this.asked[side].filter((each) => each !== id);
  }

  /** Answers, reads and ends everything. False when nothing is left to do. */
  #finish(): boolean {
    for (const side of [0, 1] as const) {
      while (this.asked[side].length > 0) this.#answer(side);
      for (const id of this.live[side]) this.planes[side].end(id);
      this.#consume(side, 1e9);
      this.#say(side, 1e9);
      this.#hear((1 - side) as 0 | 1, 1e9);
    }
    return this.planes[0].size + this.planes[1].size > 0;
  }
}

describe('streams/plane: a peer that lies gets the rule it broke', () => {
  const known = (): StreamsPlane => {
    const plane = played();
    plane.handle(open(1));
    plane.accept(1);
    said(plane);
    return plane;
  };
  const data = (stream: number, length: number): StreamFrame => ({ kind: 'data', stream, bytes: bytes(length) });
  test.each<[string, string, () => [StreamsPlane, StreamFrame]]>([
    ['[STR-1] a frame before the hello', 'STR-1', () => [new StreamsPlane('acceptor'), open(1)]],
    ['[STR-1] a second hello', 'STR-1', () => [known(), hello]],
    ['[STR-1] an id of the wrong side', 'STR-1', () => [known(), open(2)]],
    ['[STR-1] an id that is 0', 'STR-1', () => [played('dialer'), open(0)]],
    ['[STR-1] an id used before', 'STR-1', () => [known(), open(1)]],
    ['[STR-1] an id below the newest', 'STR-1', () => [handled(played(), open(5)), open(3)]],
    ['[STR-1] data on a stream nobody opened', 'STR-1', () => [known(), data(3, 1)]],
    ['[STR-1] data before the answer', 'STR-1', () => [handled(played(), open(1)), data(1, 1)]],
    ['[STR-1] an end before the answer', 'STR-1', () => [handled(played(), open(1)), { kind: 'end', stream: 1 }]],
    ['[STR-1] an answer nobody asked for', 'STR-1', () => [known(), { kind: 'opened', stream: 1 }]],
    ['[STR-1] a refusal nobody asked for', 'STR-1', () => [known(), { kind: 'refused', stream: 1, code: 'busy' }]],
    ['[STR-1] a reset instead of a refusal', 'STR-1', () => [asking(), { kind: 'reset', stream: 1, code: 'busy' }]],
    ['[STR-1] credit for a stream that never was', 'STR-1', () => [known(), { kind: 'credit', stream: 9, bytes: 1 }]],
    ['[STR-2] a byte beyond the credit', 'STR-2', () => [known(), data(1, STREAMS_LIMITS.windowBytes + 1)]],
    ['[STR-2] data without a byte', 'STR-2', () => [known(), data(1, 0)]],
    [
      '[STR-2] credit beyond any memory',
      'STR-2',
      () => [
        handled(known(), { kind: 'credit', stream: 1, bytes: 2 ** 32 - 1 }),
        { kind: 'credit', stream: 1, bytes: 2 ** 32 - 1 },
      ],
    ],
    ['[STR-3] data after the end', 'STR-3', () => [handled(known(), { kind: 'end', stream: 1 }), data(1, 1)]],
    ['[STR-3] a second end', 'STR-3', () => [handled(known(), { kind: 'end', stream: 1 }), { kind: 'end', stream: 1 }]],
  ])('%s', (_, rule, make) => {
    const [plane, frame] = make();
    expect(plane.handle(frame)).toMatchObject({ word: 'violation', rule });
    expect(said(plane)).toEqual([{ kind: 'fault', rule }]);
    expect(plane.handle(open(101))).toEqual({ word: 'nothing' }); // Nothing is heard any more.
  });

  function handled(plane: StreamsPlane, frame: StreamFrame): StreamsPlane {
    plane.handle(frame);
    return plane;
  }
  function asking(): StreamsPlane {
    const plane = played('dialer');
    plane.open('x');
    return plane;
  }

  test('[STR-2] credit once used is used: the same window twice is beyond it', () => {
    const plane = known();
    const credit = STREAMS_LIMITS.windowBytes;
    expect(plane.handle(data(1, credit))).toMatchObject({ word: 'data' });
    expect(plane.handle(data(1, 1))).toMatchObject({ word: 'violation', rule: 'STR-2' });
  });

  test('[STR-5] a peer that opens and never reads the answers ends the session', () => {
    const plane = played('acceptor', SMALL);
    let heard: StreamEvent = { word: 'nothing' };
    for (let id = 1; id < 100_000 && heard.word !== 'violation'; id += 2) heard = plane.handle(open(id));
    expect(heard).toMatchObject({ word: 'violation', rule: 'STR-5' });
  });

  test('[STR-1] versions that don’t meet are no fault, and end the session', () => {
    const plane = new StreamsPlane('acceptor');
    expect(plane.handle({ ...hello, versionMin: 2, versionMax: 9 } as StreamFrame)).toEqual({
      word: 'incompatible',
      versionMin: 2,
      versionMax: 9,
    });
    const wide = new StreamsPlane('acceptor');
    expect(wide.handle({ ...hello, versionMax: 9 } as StreamFrame)).toEqual({ word: 'nothing' });
  });
});

describe('streams/plane: bounds', () => {
  test('[STR-5] the 129th open without an answer is refused busy, and so is the 1025th stream', () => {
    const plane = played();
    for (let id = 1; id < 2 * 128; id += 2) expect(plane.handle(open(id))).toMatchObject({ word: 'asked' });
    expect(plane.handle(open(257))).toEqual({ word: 'nothing' });
    expect(said(plane)).toEqual([{ kind: 'refused', stream: 257, code: 'busy' }]);
    for (let id = 1; id < 2 * 128; id += 2) plane.accept(id);
    for (let id = 259; plane.size < 1024; id += 2) {
      plane.handle(open(id));
      plane.accept(id);
    }
    said(plane);
    plane.handle(open(9001));
    expect(said(plane)).toEqual([{ kind: 'refused', stream: 9001, code: 'busy' }]);
    expect(() => plane.open('x')).toThrow('1024 streams are open already');
  });

  test('[STR-2] the sum of all grants stays under the bound with 1024 streams, and each has some', () => {
    const plane = played();
    const credits = new Map<number, number>();
    for (let id = 1; id < 2 * 1024; id += 2) {
      plane.handle(open(id));
      plane.accept(id);
    }
    for (const frame of said(plane)) if (frame.kind === 'credit') credits.set(frame.stream, frame.bytes);
    const sum = [...credits.values()].reduce((a, b) => a + b, 0);
    expect(credits.get(1)).toBe(256 << 10);
    expect(Math.min(...credits.values())).toBeGreaterThanOrEqual(1 << 10);
    expect({ streams: credits.size, isUnder: sum <= (4 << 20) - (640 << 10), held: plane.heldBytes }).toEqual({
      streams: 1024,
      isUnder: true,
      held: sum,
    });
  });

  test('[STR-2] a writer has to wait, and writes beyond the bound are refused', () => {
    const plane = played('dialer');
    const id = plane.open('x');
    expect(plane.write(id, bytes(100))).toBe(true);
    expect(plane.write(id, new Uint8Array(200 << 10))).toBe(false);
    expect(plane.hasRoom(id)).toBe(false);
    expect(() => plane.write(id, new Uint8Array(1 << 20))).toThrow('wait for drained() before writing more');
    plane.end(id);
    expect(() => plane.write(id, bytes(1))).toThrow('has ended');
  });
});

describe('streams/plane: turns', () => {
  /** Three streams that were accepted and have credit to burn. */
  const three = (): StreamsPlane => {
    const plane = played('dialer');
    for (const id of [1, 3, 5]) {
      plane.open('x');
      plane.handle({ kind: 'opened', stream: id });
      plane.handle({ kind: 'credit', stream: id, bytes: 1 << 20 });
    }
    said(plane);
    return plane;
  };
  const streams = (frames: readonly StreamFrame[]): number[] => frames.map((frame) => ('stream' in frame ? frame.stream : 0));

  test('[STR-4] streams with data take turns', () => {
    const plane = three();
    for (const id of [1, 3, 5]) plane.write(id, new Uint8Array(64 << 10));
    expect(streams(said(plane))).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5]);
  });

  test('[STR-4] a stream that was silent goes before those that have been talking, also while bulk has to wait', () => {
    const plane = three();
    plane.write(1, new Uint8Array(64 << 10));
    plane.write(3, new Uint8Array(64 << 10));
    expect(streams([plane.poll(true)!, plane.poll(true)!, plane.poll(true)!])).toEqual([1, 3, 1]);
    plane.write(5, bytes(1)); // A keystroke.
    expect(streams([plane.poll(false)!])).toEqual([5]);
    expect(plane.poll(false)).toBeUndefined();
    expect(streams([plane.poll(true)!])).toEqual([3]);
  });

  test('[STR-4] a stream that pretends to be silent again and again does not keep the others out', () => {
    const plane = three();
    plane.write(1, new Uint8Array(128 << 10));
    const sent = { 1: 0, 3: 0 } as Record<number, number>;
    for (let i = 0; i < 40; i++) {
      plane.write(3, new Uint8Array(10 << 10)); // Always just enough to be new.
      for (let n = 0; n < 2; n++) {
        const frame = plane.poll(true);
        if (frame?.kind === 'data') sent[frame.stream]! += frame.bytes.length;
      }
    }
    expect(sent[1]).toBeGreaterThan(100 << 10);
  });
});
