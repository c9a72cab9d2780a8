import { assign, createActor, setup } from 'xstate';

/** A user's own machine that keeps what it is given: by itself, in a list, and in an event that it remembers. */
const keeper = setup({ types: { context: {} as { held: unknown }, events: {} as { type: 'got'; held: unknown } } }).createMachine(
  {
    context: { held: undefined },
    on: { got: { actions: assign({ held: ({ event }) => ({ it: event.held, list: [event.held], event }) }) } },
  },
);

/** What XState persists of a machine with this in its context, as text; the machine goes on from that text. */
export function persisted(held: unknown): string {
  const actor = createActor(keeper).start();
  actor.send({ type: 'got', held });
  const text = JSON.stringify(actor.getPersistedSnapshot());
  expect(JSON.stringify(actor.getSnapshot().context).length).toBeGreaterThan(0);
  actor.stop();
  const again = createActor(keeper, { snapshot: JSON.parse(text) as never }).start();
  expect(again.getSnapshot().status).toBe('active');
  again.stop();
  return text;
}

/** Counts all that can be enumerated of a handle, however deep. Throws where that goes too deep. */
function listed(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 1;
  if (depth > 4) throw new Error(`deeper than 4, at a ${value.constructor.name}`);
  let sum = 1;
  for (const key in value) sum += listed((value as Record<string, unknown>)[key], depth + 1);
  return sum;
}

/** Names of what proves a session or an identity. */
const SECRETS = /"\w*(key|token|secret|nonce|seed|session)":|PRIVATE/i;

/** Checks what an application may hold: in text it is short and holds no secret, and enumerating it ends soon. */
export function checkHeld(...handles: readonly unknown[]): void {
  for (const handle of handles) {
    expect(listed(handle)).toBeLessThan(100);
    const text = persisted(handle);
    expect(text.length).toBeLessThan(10_000);
    expect(text).not.toMatch(SECRETS);
  }
}
