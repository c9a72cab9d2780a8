import { assert } from '../../../machines/errors.js';
import type { Desk } from '../../../machines/hub/connection-manager.js';
import { hubMachine } from '../../../machines/hub/hub.machine.js';
import type { HubInput } from '../../../machines/hub/hub.setup.js';
import type { Model } from '../model.js';
import { played } from '../played.js';

/** What the chart knows of the hub's tables. */
type Tables = Pick<
  Desk,
  | 'isServing'
  | 'connect'
  | 'listen'
  | 'stopListening'
  | 'cancelAttempts'
  | 'closeConnections'
  | 'abortConnections'
  | 'destroyWires'
  | 'probe'
  | 'crashed'
> & { readonly listeners: { open: number }; connections: number; openWires: number };

class PlayedDesk {
  readonly calls: string[] = [];
  readonly tables: Tables = {
    isServing: false,
    listeners: { open: 1 },
    connections: 1,
    openWires: 1,
    connect: () => this.#call('connect'),
    listen: () => this.#call('listen'),
    stopListening: () => this.#call('stopListening'),
    cancelAttempts: () => this.#call('cancelAttempts'),
    closeConnections: () => this.#call('closeConnections'),
    abortConnections: () => this.#call('abortConnections'),
    destroyWires: () => this.#call('destroyWires'),
    probe: () => this.#call('probe'),
    crashed: () => this.#call('crashed'),
  };
  readonly input: HubInput = { desk: this.tables as Desk };

  #call(name: string): void {
    this.calls.push(name);
  }
}

/** An engine's life. The tables are played: what is left in them decides how a shutdown goes on. */
export const hubModel: Model<PlayedDesk> = {
  machine: hubMachine.provide({ actors: { supervisor: played() as never, wake: played() as never } }),
  worlds: { 'an engine': () => new PlayedDesk() },
  samples: {
    start: { type: 'start' },
    listen: { type: 'listen', address: 'played://here', done: () => {} },
    connect: { type: 'connect', request: { targets: [] }, caller: undefined },
    'the host woke': { type: 'host.woke' },
    'a connection crashes': { type: 'connection.crashed', key: '1', error: new Error('broken') },
    shutdown: { type: 'shutdown' },
    'the last listener is gone': ({ tables }) => {
      tables.listeners.open = 0;
      return { type: 'desk.changed' };
    },
    'the last connection is gone': ({ tables }) => {
      tables.connections = 0;
      return { type: 'desk.changed' };
    },
    'the last wire is gone': ({ tables }) => {
      tables.openWires = 0;
      return { type: 'desk.changed' };
    },
  },
  facts: ({ tables }) => [tables.listeners.open, tables.connections, tables.openWires],
  check({ tables, calls }, snapshot) {
    assert(tables.isServing === snapshot.matches({ up: 'serving' }), 'it serves while it says so, and no longer');
    const order = ['stopListening', 'cancelAttempts', 'closeConnections', 'abortConnections', 'destroyWires'];
    const steps = calls.filter((each) => order.includes(each));
    assert(new Set(steps).size === steps.length, 'each step of a shutdown is made once');
    assert(
      steps.every((each, i) => i === 0 || order.indexOf(steps[i - 1]!) < order.indexOf(each)),
      'and in order',
    );
  },
};
