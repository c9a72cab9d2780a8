import { createActor, setup } from 'xstate';
import { wireService, type WireHolder } from '../../machines/connection/wire.service.js';
import type { Wire, WireHandler } from '../../machines/ports.js';

/** A chart that invokes a wire whose transport is played, and leaves it when told to. */
function dialing(): { handler: () => WireHandler; leave: () => void; log: string[]; wire: Wire } {
  const log: string[] = [];
  let handler: WireHandler | undefined;
  const session: WireHolder = {
    takeOpener: () => (opened) => {
      handler = opened;
      return () => void log.push('abort');
    },
    attach: () => void log.push('attach'),
    detached: () => void log.push('detached'),
    flush: () => undefined,
    now: () => 0,
  };
  const wire = { identity: undefined, lends: false, destroy: () => void log.push('destroy') } as unknown as Wire;
  const machine = setup({ actors: { wire: wireService } }).createMachine({
    initial: 'dialing',
    states: { dialing: { invoke: { src: 'wire', input: { session, link: 0 } }, on: { leave: 'away' } }, away: {} },
  });
  const actor = createActor(machine).start();
  return { handler: () => handler!, leave: () => actor.send({ type: 'leave' }), log, wire };
}

test('connection/wire: one that opens after its chart has left it is destroyed, and carries nothing', () => {
  const { handler, leave, log, wire } = dialing();
  leave();
  expect(log.splice(0)).toEqual(['abort', 'detached']);
  handler().onOpen(wire);
  expect(log).toEqual(['destroy']);
});

test('connection/wire: one that opens in time belongs to the session until its chart leaves it', () => {
  const { handler, leave, log, wire } = dialing();
  handler().onOpen(wire);
  expect(log.splice(0)).toEqual(['attach']);
  leave();
  expect(log).toEqual(['detached']);
});
