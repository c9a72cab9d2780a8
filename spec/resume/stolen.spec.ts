import type { Trail } from '../../machines/resume/resume.messages.js';
import { WireTrail } from '../../machines/resume/resume.trail.js';
import { SeededRandom } from '../sim/random.js';
import { Played, say, type PlayedWire } from '../sim/played.js';

const closings = (p: Played): string[] => p.story.filter((each) => each.startsWith('closing'));

describe('resume/stolen: the acceptor', () => {
  const born: Trail = { wire: 11, before: 0, tries: 0 };

  /** The owner's session is up; what comes next is somebody else with the same token. */
  function owned(): { p: Played; owner: PlayedWire; token: Uint8Array } {
    const p = new Played();
    const owner = p.dialIn().say(say.hello({ trail: born }), say.confirm(1));
    return { p, owner, token: owner.last('welcome').hello!.token };
  }

  test.each<[string, Trail | undefined]>([
    ['says a new wire, as the owner would', { wire: 99, before: 11, tries: 0 }],
    ['says the wire of the owner again', { wire: 11, before: 0, tries: 0 }],
    ['says nothing of wires', undefined],
    ['makes one up', { wire: 98, before: 97, tries: 5 }],
  ])('[RES-20] ends the session `token-refused` when the owner comes back after a thief who %s', (_what, trail) => {
    const { p, owner, token } = owned();
    const thief = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail }), say.data(1, 66));
    expect([owner.ended, p.got]).toEqual(['destroyed', [[66]]]);
    const back = p
      .dialIn()
      .say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 12, before: 11, tries: 0 } }), say.data(1, 1));
    expect(back.kinds).toEqual(['fault token-refused RES-20']); // The owner's message is not acknowledged.
    expect(closings(p)).toEqual(['closing token-refused remote']);
    expect(thief.ended).toBe('destroyed');
    expect(p.got).toEqual([[66]]);
  });

  test('[RES-20] refuses who comes back with a token that the thief has made void', () => {
    const { p, token } = owned();
    const thief = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 99, before: 11, tries: 0 } }));
    thief.say(say.confirm(2));
    const back = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 12, before: 11, tries: 0 } }));
    expect(back.kinds).toEqual(['refused token-refused']);
    expect(p.story.at(-1)).toBe('refused token-refused');
  });

  test('[RES-20] a late return to a session that ended so gets the same reason, and not that it is lost', () => {
    const { p, token } = owned();
    p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
    p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 12, before: 11, tries: 0 } }));
    const late = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 13, before: 11, tries: 1 } }));
    expect(late.kinds).toEqual(['refused token-refused']);
  });

  test('[RES-6] [RES-20] a hello that was held up does not take the place of a newer one, and harms no session', () => {
    const { p, owner, token } = owned();
    owner.cut();
    const second = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 13, before: 11, tries: 1 } }));
    const first = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail: { wire: 12, before: 11, tries: 0 } }));
    expect(first.kinds).toEqual(['refused token-refused']);
    second.say(say.confirm(2), say.data(1, 7));
    expect(p.got).toEqual([[7]]);
    expect(closings(p)).toEqual([]);
  });

  test('[RES-20] an owner whose welcomes are lost comes back as often as it likes', () => {
    const { p, owner, token } = owned();
    owner.cut();
    for (let tries = 0; tries < 5; tries++) {
      const trail = { wire: 20 + tries, before: 11, tries };
      const wire = p.dialIn().say(say.hello({ resume: true, token, epoch: 1, trail }));
      expect(wire.last('welcome').hello).toMatchObject({ trail: { wire: 20 + tries, before: tries === 0 ? 11 : 19 + tries } });
      wire.cut();
    }
    expect(closings(p)).toEqual([]);
  });
});

describe('resume/stolen: the dialer', () => {
  /** A session whose wire was replaced by a thief's; the dialer is back, and has sent its message behind the hello. */
  function returning(): { p: Played; wire: PlayedWire; first: number; outcome: Promise<unknown> } {
    const p = new Played();
    const wire = p.dial().open();
    const first = wire.last('hello').hello!.trail!.wire;
    wire.say(say.welcome(wire.last('hello'), { trail: { wire: first, before: 0, tries: 0 } }));
    const outcome = p.connections[0]!.send(Uint8Array.of(1)).catch((error: { code: string }) => error.code);
    p.clock.settle();
    wire.cut();
    if (p.dials.length === 1) p.clock.runUntil(() => p.dials.length > 1, { withinMs: 10_000 });
    return { p, wire: p.dials.at(-1)!.open(), first, outcome };
  }

  test('[RES-20] ends `token-refused` when the acceptor has met a wire that is not its own, and believes none of its positions', async () => {
    const { p, wire, outcome } = returning();
    const { trail } = wire.last('hello').hello!;
    wire.say(say.welcome(wire.last('hello'), { next: 2, trail: { wire: trail!.wire, before: 4711, tries: 0 } }));
    expect(wire.kinds.at(-1)).toBe('fault token-refused RES-20');
    expect(closings(p)).toEqual(['closing token-refused remote']);
    expect(await outcome).toBe('unknown'); // The first wire may have carried it. It is not said to have arrived.
  });

  test.each(['the wire before', 'this wire'] as const)('[RES-20] goes on where the acceptor names %s', async (which) => {
    const { p, wire, first, outcome } = returning();
    const { trail } = wire.last('hello').hello!;
    expect(trail).toMatchObject({ before: first, tries: 0 });
    const before = which === 'this wire' ? trail!.wire : first;
    wire.say(say.welcome(wire.last('hello'), { next: 2, trail: { wire: trail!.wire, before, tries: 0 } }));
    p.clock.settle();
    expect(await outcome).toBeUndefined();
  });

  test('[RES-20] told by the acceptor that the token is in other hands, it ends so as well', () => {
    const { p, wire } = returning();
    wire.say(say.fault('token-refused', 'RES-20'));
    expect(p.events.find((e) => e.type === 'closing')).toMatchObject({
      closing: { code: 'token-refused', side: 'remote', detail: { rule: 'RES-20' } },
    });
  });
});

test('[RES-20] resume/stolen: whatever wires are lost at whatever moment, the owner alone is never taken for two', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const dialer = new WireTrail();
    const acceptor = new WireTrail();
    let isBorn = false;
    for (let i = 0; i < 60; i++) {
      const hello = dialer.next(random.bytes, isBorn);
      if (random.chance(0.3)) continue; // The hello is lost.
      const result = acceptor.compare(hello, isBorn);
      expect({ seed, i, result }).not.toEqual({ seed, i, result: expect.stringMatching(/stolen|strange|late/) });
      const welcome = acceptor.accept(hello, result);
      if (random.chance(0.4)) continue; // The welcome is lost.
      expect({ seed, i, isOurs: dialer.answered(welcome) }).toEqual({ seed, i, isOurs: true });
      isBorn = true;
      if (random.chance(0.6)) acceptor.settle(); // The confirmation arrives.
    }
  }
});

test('[RES-20] resume/stolen: the trail is bounded, however long the dialer goes unanswered', () => {
  const { bytes: entropy } = new SeededRandom(1);
  const dialer = new WireTrail();
  const acceptor = new WireTrail();
  const first = dialer.next(entropy, false);
  expect(dialer.answered(acceptor.accept(first, acceptor.compare(first, false)))).toBe(true);
  for (let i = 0; i < 3000; i++) {
    const hello = dialer.next(entropy, true);
    expect(acceptor.compare(hello, true)).toBe('fine');
    acceptor.accept(hello, 'fine');
  }
  const last = dialer.next(entropy, true);
  expect(last.tries).toBe(3000);
  expect(dialer.answered(acceptor.accept(last, acceptor.compare(last, true)))).toBe(true);
});
