import { fromCallback, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { connectionMachine } from '../connection/connection.machine.js';
import type { ConnectRequest, Desk } from './connection-manager.js';
import type { WireCause } from '../ports.js';
import type { Caller } from './connect-request.js';
import { Wake } from '../dataplane/liveness.js';
import { fromSupervisor, type SupervisorNotice } from '../runtime/supervisor.js';

export type HubCommand =
  | { type: 'start' }
  | { type: 'connect'; request: ConnectRequest; caller: Caller | undefined }
  | { type: 'listen'; address: string; done: (bound: string | WireCause) => void }
  | { type: 'shutdown' }
  | { type: 'desk.changed' } // A listener, a wire or a connection is gone.
  | { type: 'host.woke' };
export type HubEvent = HubCommand | SupervisorNotice;

export interface HubInput {
  readonly desk: Desk;
}

export const hubSetup = setup({
  types: {
    context: {} as HubInput,
    input: {} as HubInput,
    events: {} as HubEvent,
    tags: {} as 'serves' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: {
    supervisor: fromSupervisor(connectionMachine),
    /** Looks once a second whether the host slept (states.md, 8). */
    wake: fromCallback<EventObject, HubInput>(({ input: { desk }, sendBack }) => {
      const { clock } = desk.ports;
      const wake = new Wake(clock.now(), clock.wall());
      let timer: unknown;
      const tick = (): void => {
        if (wake.handleTick(clock.now(), clock.wall()) === 'woken') sendBack({ type: 'host.woke' });
        desk.expiry.tick();
        timer = clock.setTimeout(tick, wake.nextTick() - clock.now());
      };
      timer = clock.setTimeout(tick, wake.nextTick() - clock.now());
      return () => clock.clearTimeout(timer);
    }),
  },
  actions: {
    serve: ({ context }) => {
      context.desk.isServing = true;
    },
    stopServing: ({ context }) => {
      context.desk.isServing = false;
    },
    connectPeer: ({ context, event }) => {
      if (event.type === 'connect') context.desk.connect(event.request, event.caller);
    },
    listenAt: ({ context, event }) => {
      if (event.type === 'listen') context.desk.listen(event.address, event.done);
    },
    stopListening: ({ context }) => context.desk.stopListening(),
    cancelAttempts: ({ context }) => context.desk.cancelAttempts(),
    closeConnections: ({ context }) => context.desk.closeConnections(),
    abortConnections: ({ context }) => context.desk.abortConnections(),
    destroyWires: ({ context }) => context.desk.destroyWires(),
    probeWires: ({ context }) => context.desk.probe(),
    noteCrash: ({ context, event }) => {
      if (event.type === 'connection.crashed') context.desk.crashed(Number(event.key), event.error);
    },
  },
  guards: {
    hasNoListener: ({ context }) => context.desk.listeners.open === 0,
    hasNoConnection: ({ context }) => context.desk.connections === 0,
    hasNoWire: ({ context }) => context.desk.connections === 0 && context.desk.openWires === 0,
  },
  delays: {
    // The seed's limits: 5 s to stop accepting, 3 s to close gracefully.
    listenersTimeout: 5_000,
    connectionsTimeout: 3_000,
    wiresTimeout: 1_000,
  },
});
