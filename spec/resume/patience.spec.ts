import { Played, say, type PlayedWire } from '../sim/played.js';

const WINDOW_MS = 20_000;
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** What something between both sides does with a dial while the peer itself is away. */
const BETWEEN: Readonly<Record<string, (wire: PlayedWire) => void>> = {
  'accepts and closes at once': (wire) => wire.open().cut({ kind: 'ended' }),
  'accepts and resets': (wire) => wire.open().cut({ kind: 'reset' }),
  refuses: (wire) => wire.cut({ kind: 'refused' }),
  'answers HTTP 503 to the upgrade': (wire) => wire.cut({ kind: 'refused', status: 503 }),
  'answers in HTTP': (wire) => wire.open().say(text('HTTP/1.1 502 Bad Gateway\r\n\r\n')).cut({ kind: 'ended' }),
  'answers with a banner': (wire) => wire.open().say(text('SSH-2.0-OpenSSH_9.6\r\n')).cut({ kind: 'ended' }),
  'says a few bytes of nothing': (wire) => wire.open().say(Uint8Array.of(0, 0)).cut({ kind: 'ended' }),
  'answers a hello of another session': (wire) =>
    wire
      .open()
      .say(say.welcome(wire.last('hello'), { session: new Uint8Array(16) }))
      .cut(),
};

describe.each(Object.keys(BETWEEN))('resume/patience: something between that %s', (name) => {
  /** A session that is up, and loses its wire; the peer is away for so long. */
  function away(forMs: number): { p: Played; dials: number } {
    const p = new Played({ reconnectWindowMs: WINDOW_MS });
    const wire = p.dial().open();
    wire.say(say.welcome(wire.last('hello')));
    p.connections[0]!.write(Uint8Array.of(1));
    p.clock.settle();
    wire.cut();
    let known = 1;
    while (p.clock.now() < forMs && !p.story.some((each) => each.startsWith('closing'))) {
      if (p.dials.length === known && !p.clock.step(forMs)) break;
      while (p.dials.length > known) BETWEEN[name]!(p.dials[known++]!);
    }
    return { p, dials: known };
  }

  test('[RES-23] ends nothing before the window does', () => {
    const { p, dials } = away(WINDOW_MS + 1);
    expect(p.story.filter((each) => each.startsWith('closing'))).toEqual(['closing window-expired remote']);
    expect(p.clock.now()).toBe(WINDOW_MS);
    expect(dials).toBeGreaterThan(3);
  });

  test('[RES-23] is forgotten once the peer answers', () => {
    const { p } = away(WINDOW_MS - 6_000);
    const known = p.dials.length;
    p.clock.runUntil(() => p.dials.length > known, { withinMs: 6_000 });
    const wire = p.dials.at(-1)!.open();
    wire.say(say.welcome(wire.last('hello')), say.ack(2));
    expect(p.story.at(-1)).toBe('resumed');
    expect(p.connections[0]!.stats()).toMatchObject({ acknowledged: 1 });
  });
});

test('[RES-23] [RES-13] resume/patience: the peer’s own word ends it at once', () => {
  const p = new Played({ reconnectWindowMs: WINDOW_MS });
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello'))).cut();
  if (p.dials.length === 1) p.clock.runUntil(() => p.dials.length > 1, { withinMs: 6_000 });
  p.dials.at(-1)!.open().say(say.refused('unknown-session'));
  expect(p.story).toContain('closing peer-lost-session remote');
});

test('[RES-16] resume/patience: a dial to a peer of another protocol still ends at once, before there is a session', () => {
  const p = new Played();
  let known = 0;
  p.dial();
  while (p.clock.now() < 9_000 && !p.story.some((each) => each.startsWith('closing'))) {
    while (p.dials.length > known) BETWEEN['answers with a banner']!(p.dials[known++]!);
    p.clock.step(9_000);
  }
  expect(p.story).toContain('closing oversized remote');
  expect(p.clock.now()).toBeLessThan(1_000);
});
