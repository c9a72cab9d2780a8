import { Played, say } from '../sim/played.js';
import { Duo, type Party } from './duo.js';

const GRACE_MS = 3_000;
/** A dialer asks a silent wire after 5 s, waits 5 s, and dials. */
const NOTICED_MS = 10_000 + 1_000;
const WINDOW_MS = 60_000;

/** Closes, and says how each side ended, and after how long. */
function endings(duo: Duo, close: (duo: Duo) => void): { near: string; far: string; nearMs: number; farMs: number } {
  const since = duo.clock.now();
  const over: Record<string, number> = {};
  const watch = (name: string, party: Party): void =>
    void party.engine.on(({ type }) => type === 'closing' && (over[name] = duo.clock.now() - since));
  watch('near', duo.near);
  watch('far', duo.far);
  close(duo);
  duo.clock.advance(200_000);
  return { near: duo.near.story[2]!, far: duo.far.story[2]!, nearMs: over['near']!, farMs: over['far']! };
}
const closeNear = (duo: Duo): void => void duo.near.connection!.close();
const closeFar = (duo: Duo): void => void duo.far.connection!.close();

/** What became of the wire, unnoticed, before the goodbye. New wires are well. */
const SILENT: Readonly<Record<string, (duo: Duo) => void>> = {
  'silent both ways': (duo) => void duo.wire.silence(),
  'silent towards the acceptor': (duo) => void duo.wire.silence('far'),
  'silent towards the dialer': (duo) => void duo.wire.silence('near'),
  'cut, and neither was told': (duo) => void duo.wire.cut('silent'),
  'cut, and only the acceptor was told': (duo) => void duo.wire.cut('far', { withinMs: 0 }),
};

describe('resume/ending: a goodbye into a silent wire ends both sides within stated bounds', () => {
  test.each(Object.keys(SILENT))('[RES-19] the dialer closes, the wire is %s: both have ended within the grace', (how) => {
    const duo = new Duo().settled();
    SILENT[how]!(duo);
    const { near, far, nearMs, farMs } = endings(duo, closeNear);
    expect([near, far]).toEqual(['closed', 'peer-goodbye']);
    expect(Math.max(nearMs, farMs)).toBeLessThanOrEqual(GRACE_MS);
  });

  test.each(Object.keys(SILENT))('[RES-19] the acceptor closes, the wire is %s: the dialer comes and gets it', (how) => {
    const duo = new Duo().settled();
    SILENT[how]!(duo);
    const { near, far, nearMs, farMs } = endings(duo, closeFar);
    expect([near, far]).toEqual(['peer-goodbye', 'closed']);
    expect(farMs).toBeLessThanOrEqual(GRACE_MS);
    expect(nearMs).toBeLessThanOrEqual(NOTICED_MS);
  });

  test.each(Object.keys(SILENT))('[RES-19] both close at once, the wire is %s: both have ended within the grace', (how) => {
    const duo = new Duo().settled();
    SILENT[how]!(duo);
    const { near, far, nearMs, farMs } = endings(duo, (both) => [closeNear(both), closeFar(both)]);
    expect([near, far]).toEqual([expect.stringMatching(/closed|peer-goodbye/), expect.stringMatching(/closed|peer-goodbye/)]);
    expect(Math.max(nearMs, farMs)).toBeLessThanOrEqual(GRACE_MS + 10); // And a way there and back.
  });

  test('[RES-19] a dial that hangs is given up for one that gets through', () => {
    const duo = new Duo((wire) => wire.serial === 2 && void wire.silence(), { network: { dialTimeoutMs: 60_000 } }).settled();
    duo.wire.cut('both', { withinMs: 0 });
    const { near, far, nearMs, farMs } = endings(duo, closeNear);
    expect([near, far]).toEqual(['closed', 'peer-goodbye']);
    expect(Math.max(nearMs, farMs)).toBeLessThanOrEqual(GRACE_MS);
  });

  test('[RES-19] a new wire that opens and says nothing is given up for one that does', () => {
    const network = { dialTimeoutMs: 60_000, opensEarly: 1 };
    const duo = new Duo((wire) => wire.serial === 2 && void wire.silence('near'), { network }).settled();
    duo.wire.silence();
    const { near, far, nearMs, farMs } = endings(duo, closeNear);
    expect([near, far]).toEqual(['closed', 'peer-goodbye']);
    expect(Math.max(nearMs, farMs)).toBeLessThanOrEqual(GRACE_MS);
  });

  test('[RES-19] a goodbye right behind the hello of a new wire ends the acceptor, whether or not its welcome is ever read', () => {
    const p = new Played();
    const first = p.dialIn().say(say.hello({}), say.confirm(1));
    first.cut();
    const { token, epoch } = first.last('welcome').hello!;
    const second = p.dialIn().say(say.hello({ resume: true, token, epoch }), say.goodbye(1, 1));
    expect(second.kinds).toEqual(['welcome', 'goodbye-ack']);
    second.cut();
    expect(p.story.slice(-3)).toEqual(['disconnected', 'closing peer-goodbye remote', 'none']);
    expect(p.connections).toHaveLength(1);
  });

  test.each([
    ['dialer', closeNear],
    ['acceptor', closeFar],
  ] as const)(
    '[RES-3] [RES-19] the network stays silent, the %s closes: it ends by its grace, the peer by its window',
    (_, close) => {
      const duo = new Duo().settled();
      duo.network.dark();
      const { near, far, nearMs, farMs } = endings(duo, close);
      const [closer, peer, closerMs, peerMs] = close === closeNear ? [near, far, nearMs, farMs] : [far, near, farMs, nearMs];
      expect([closer, peer]).toEqual(['closed', 'window-expired']);
      expect(closerMs).toBeLessThanOrEqual(GRACE_MS);
      expect(peerMs).toBeGreaterThanOrEqual(WINDOW_MS);
      expect(peerMs).toBeLessThanOrEqual(NOTICED_MS + WINDOW_MS);
    },
  );

  test('[RES-19] a slow answer is waited for, and costs no second wire where it comes within a third of the grace', () => {
    const duo = new Duo().settled();
    duo.network.setLatency('near', 'far', [400, 400]);
    duo.network.setLatency('far', 'near', [400, 400]);
    const { near, far } = endings(duo, closeNear);
    expect([near, far, duo.wire.serial]).toEqual(['closed', 'peer-goodbye', 1]);
  });
});
