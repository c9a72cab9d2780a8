import type { RefusalCode } from '../../machines/resume/resume.messages.js';
import { Played, say, type PlayedWire } from '../sim/played.js';

/** A dialer whose session is up, with its first message under way, and then without a wire. */
function lost(): { p: Played; redial(): PlayedWire; write(...payload: number[]): Promise<unknown> } {
  const p = new Played();
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  const write = (...payload: number[]): Promise<unknown> => {
    const outcome = p.connections[0]!.send(Uint8Array.from(payload)).catch((error: { code: string }) => error.code);
    p.clock.settle();
    return outcome;
  };
  const redial = (): PlayedWire => {
    const known = p.dials.length;
    p.dials.at(-1)!.cut();
    if (p.dials.length === known) p.clock.runUntil(() => p.dials.length > known, { withinMs: 10_000 });
    return p.dials.at(-1)!;
  };
  return { p, redial, write };
}
const detailOf = async (p: Played): Promise<unknown> => (await p.connections[0]!.closed).detail;

describe('resume/unsent: resume/unsent', () => {
  const codes: RefusalCode[] = ['unknown-session', 'token-refused', 'ended', 'shutdown', 'identity-unknown', 'busy', 'malformed'];

  test.each(codes)('[RES-22] what went only behind a hello that is refused with `%s` is unsent', async (code) => {
    const { p, redial, write } = lost();
    const first = write(1);
    const next = redial();
    const second = write(2);
    expect(next.open().kinds).toEqual(['hello', 'data-prompt', 'data-prompt']); // Both have left this side.
    next.say(say.refused(code));
    expect(await detailOf(p)).toMatchObject({ unknown: { from: 1, to: 1 }, unsent: { from: 2, to: 2 } });
    expect(await Promise.all([first, second])).toEqual(['unknown', 'failed']);
  });

  test('[RES-22] where all was acknowledged before the loss, nothing is unknown', async () => {
    const { p, redial, write } = lost();
    const first = write(1);
    p.dials[0]!.say(say.ack(2));
    const next = redial();
    const second = write(2);
    next.open().say(say.refused('unknown-session'));
    const detail = (await detailOf(p)) as object;
    expect(detail).toMatchObject({ unsent: { from: 2, to: 2 } });
    expect(detail).not.toHaveProperty('unknown');
    expect(await Promise.all([first, second])).toEqual([undefined, 'failed']);
  });

  test('[RES-22] messages behind an unanswered hello stay unknown, also when a later one is refused', async () => {
    const { p, redial, write } = lost();
    const first = redial();
    void write(1);
    expect(first.open().kinds).toEqual(['hello', 'data-prompt']);
    const second = redial();
    void write(2);
    second.open().say(say.refused('unknown-session'));
    expect(await detailOf(p)).toMatchObject({ unknown: { from: 1, to: 1 }, unsent: { from: 2, to: 2 } });
  });

  test('[RES-22] what a later wire repeated and the peer welcomed is unknown, whatever comes of that wire', async () => {
    const { p, redial, write } = lost();
    const next = redial();
    void write(1);
    next.open().say(say.welcome(next.last('hello')), say.data(9, 1));
    expect(await detailOf(p)).toMatchObject({ rule: 'RES-16', unknown: { from: 1, to: 1 } });
  });

  test('[RES-22] a fault in place of a welcome refuses what came behind the hello', async () => {
    const { p, redial, write } = lost();
    const next = redial();
    void write(1);
    next.open().say(say.fault('violated', 'RES-8'));
    expect(await detailOf(p)).toMatchObject({ rule: 'RES-8', unsent: { from: 1, to: 1 } });
  });

  test('[RES-22] an acceptor whose welcome is not accepted has sent nothing behind it', async () => {
    const p = new Played();
    const wire = p.dialIn().say(say.hello({}), say.confirm(1));
    wire.cut();
    void p.connections[0]!.send(Uint8Array.of(1)).catch(() => {});
    p.clock.settle();
    const { token } = wire.last('welcome').hello!;
    const next = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
    expect(next.kinds).toEqual(['welcome', 'data-prompt']);
    next.say(say.fault('token-refused', 'RES-20'));
    const detail = await detailOf(p);
    expect(detail).toMatchObject({ unsent: { from: 1, to: 1 } });
    expect(detail).not.toHaveProperty('unknown');
  });

  test('[RES-22] one whose welcome was confirmed may have', async () => {
    const p = new Played();
    const wire = p.dialIn().say(say.hello({}), say.confirm(1));
    void p.connections[0]!.send(Uint8Array.of(1)).catch(() => {});
    p.clock.settle();
    wire.say(say.fault('violated', 'RES-16'));
    expect(await detailOf(p)).toMatchObject({ unknown: { from: 1, to: 1 } });
  });
});
