import type { Closing } from '../../machines/closing.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { fill } from './ncp-channel.js';
import { TunaWorld } from './tuna-world.js';

/** A session under way, of which the far side has read 10 000 bytes and holds 5000 that nobody reads. */
function begun(seed: number, links: number): { w: TunaWorld; first: Connection; closings: Closing[] } {
  const w = new TunaWorld(seed, { numTunaListeners: links });
  w.connect('sim://b:1');
  w.advance(500);
  w.near!.write(fill(new Uint8Array(10_000), 0));
  w.advance(500);
  w.far!.onMessage = undefined;
  w.near!.write(fill(new Uint8Array(5000), 10_000));
  w.advance(500);
  const closings: Closing[] = [];
  w.a.on((event) => event.type === 'disconnected' && closings.push(event.closing));
  return { w, first: w.near!, closings };
}

for (const links of [1, 4])
  test(`[TUNA-8] tuna/successor: a peer that has lost the session of ${links} link(s): it ends once, with three figures in bytes and a new session`, async () => {
    const { w, first, closings } = begun(20 + links, links);
    w.crash('b');
    first.write(new Uint8Array(300));
    w.heard.b = 0;
    w.advance(30_000); // Long enough for dials to be rare.
    w.b = w.engine('b', ['sim://b:1']);
    w.runUntil(() => closings.length > 0, { withinMs: 20_000 });
    const { code, side, detail } = closings[0]!;
    expect([code, side]).toEqual(['peer-lost-session', 'remote']);
    expect(detail).toMatchObject({ read: 10_000 });
    expect((detail!.unknown as number) + (detail!.unsent as number)).toBe(5300);
    const successor = w.a.connection(detail!.successorId!) as Connection;
    expect(successor).not.toBe(first);
    expect(w.a.connection(first.id)).toBe(undefined);
    expect(() => first.write(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'closed' }));
    // It takes bytes before it is dialed, and they arrive.
    successor.write(fill(new Uint8Array(7000), 0));
    w.runUntil(() => w.heard.b === 7000, { withinMs: 500 });
    w.runUntil(() => w.links()[0] === links, { withinMs: 500 });
    expect(w.near).toBe(successor);
    w.advance(30_000);
    expect([closings.length, successor.state, w.links()]).toEqual([1, 'completed', [links, links]]);
    expect(w.events.filter((each) => each.startsWith('a ') && each.includes('peer-lost-session'))).toHaveLength(1);
    w.end();
    expect(await first.closed).toBe(closings[0]);
  });

test('[TUNA-8] as the original does: it closes with its last connection and ends each new one without a word', () => {
  const { w, first, closings } = begun(30, 4);
  const far = w.far!;
  // Its session is gone; for five minutes nobody gets it anew.
  w.network.cutBetween('a', 'b');
  void far.close({ now: true });
  w.runUntil(() => closings.length > 0, { withinMs: 10_000 });
  expect(closings[0]).toMatchObject({ code: 'peer-lost-session', detail: { read: 10_000, unknown: 5000, unsent: 0 } });
  w.heard.b = 0;
  const successor = w.a.connection(closings[0]!.detail!.successorId!)!;
  successor.write(fill(new Uint8Array(100), 0));
  w.runUntil(() => w.heard.b === 100, { withinMs: 5000 });
  expect(w.far!.id).not.toBe(far.id);
  expect(first.state).not.toBe('completed');
  w.end();
});

test('[TUNA-8] tuna/successor: a successor that is called off before its dial, or is not answered, ends like any other', async () => {
  for (const how of ['close', 'shutdown', 'none']) {
    const { w, closings } = begun(40, 2);
    let successor: Connection<unknown> | undefined;
    w.a.on((event) => {
      if (event.type !== 'disconnected' || event.closing.detail?.successorId === undefined) return;
      successor = w.a.connection(event.closing.detail.successorId)!;
      successor.write(fill(new Uint8Array(100), 0));
      if (how === 'close') void successor.close();
      if (how === 'shutdown') void w.a.shutdown();
      if (how === 'none') w.crash('b');
    });
    w.crash('b');
    w.b = w.engine('b', ['sim://b:1']);
    w.runUntil(() => closings.length > 0, { withinMs: 10_000 });
    let closing: Closing | undefined;
    void successor!.closed.then((c) => (closing = c));
    w.advance(30_000);
    await Promise.resolve();
    expect({ how, code: closing?.code, state: successor!.state }).toEqual({
      how,
      code: { close: 'cancelled', shutdown: 'shutdown', none: 'handshake-timeout' }[how],
      state: 'none',
    });
    w.end();
  }
});

test('[TUNA-8] a closing is plain data: it names the successor by its id, and only the deprecated property leads to it', () => {
  const { w, closings } = begun(60, 2);
  let inEvent: Connection<unknown> | undefined;
  w.a.on((event) => {
    if (event.type === 'disconnected') inEvent ??= w.a.connection(event.closing.detail!.successorId!);
  });
  w.crash('b');
  w.b = w.engine('b', ['sim://b:1']);
  w.runUntil(() => closings.length > 0, { withinMs: 10_000 });
  const [how] = closings;
  expect(JSON.parse(JSON.stringify(how))).toEqual(structuredClone(how));
  expect(Object.keys(how!.detail!)).not.toContain('successor');
  const { successorId, successor } = how!.detail!;
  expect(inEvent).toBeDefined(); // Found in the event itself, before its dial.
  expect([inEvent!.id, inEvent]).toEqual([successorId, successor]);
  w.advance(5000);
  expect(w.a.connection(successorId!)).toBe(inEvent); // And still so once it is connected.
  w.end();
});

test('[TUNA-8] tuna/successor: a side that is closing, or was dialed, makes no new session', () => {
  const { w, first, closings } = begun(50, 2);
  const told: Closing[] = [];
  w.b.on((event) => event.type === 'closing' && told.push(event.closing));
  first.write(fill(new Uint8Array(5000), 15_000));
  void first.close();
  w.crash('b');
  w.b = w.engine('b', ['sim://b:1']);
  w.advance(80_000);
  expect(closings.map(({ detail }) => detail?.successorId)).toEqual([undefined]);
  expect(w.events).not.toContain('a handshake.started');
  w.end();
});
