import { Played, say, type PlayedWire } from '../sim/played.js';

const DEADLINE_MS = 1_000;

/** A session with a message that nobody acknowledges; the peer says nothing from here on. */
function flowing(p: Played): PlayedWire {
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  p.connections[0]!.write(Uint8Array.of(1));
  p.clock.settle();
  return wire;
}

/** The peer is frozen in each of these: it never answers again. Those of SHIP, with its pairing, are in `spec/ship`. */
const SITUATIONS: Readonly<Record<string, (p: Played) => unknown>> = {
  'no peer there': () => undefined,
  'queued behind another attempt': (p) => [p.dial(), p.dial({ reuse: false })],
  dialing: (p) => p.dial(),
  'hello sent, no answer': (p) => p.dial().open(),
  'a stranger dials in': (p) => p.dialIn(),
  'accepted, not confirmed': (p) => p.dialIn().say(say.hello({})),
  'accepted, completed': (p) => p.dialIn().say(say.hello({}), say.confirm(1)),
  'completed, with a message under way': flowing,
  'completed, closing already': (p) => [flowing(p), p.connections[0]!.close()],
  'its wire lost': (p) => flowing(p).cut(),
  'dialing again': (p) => [flowing(p).cut(), p.clock.runUntil(() => p.dials.length === 2)],
  'between two attempts': (p) => p.dial({ retry: true }).cut({ kind: 'unreachable' }),
};

test.each(Object.keys(SITUATIONS))(
  'resume/ending: shutdown with a frozen peer is over by its deadline and leaves nothing: %s',
  async (name) => {
    const p = new Played({}, { pendingDialsMax: 1 });
    SITUATIONS[name]!(p);
    p.clock.settle();
    let isOver = false;
    const over = p.engine.shutdown({ deadlineMs: DEADLINE_MS }).then(() => (isOver = true));
    p.clock.advance(DEADLINE_MS);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ isOver, pending: p.clock.pending, ...p.engine.metrics() }).toMatchObject({
      isOver: true,
      pending: 0,
      connections: 0,
      wires: 0,
      openings: 0,
    });
    await over;
    const { length } = p.events;
    p.clock.advance(600_000);
    expect([p.events.length, p.clock.pending]).toEqual([length, 0]);
  },
);
