import { closing } from '../../../machines/closing.js';
import type { ApiState } from '../../../machines/connection/api-state.js';
import { connectionMachine } from '../../../machines/connection/connection.machine.js';
import type { ConnectionInput, ConnectionPort } from '../../../machines/connection/connection.setup.js';
import { assert } from '../../../machines/errors.js';
import type { Opener } from '../../../machines/ports.js';
import type { Model } from '../model.js';
import { played } from '../played.js';

const opener: Opener = () => () => {};

/** The hub as one connection sees it: it grants, decides and is told. The protocol below is played as well. */
class PlayedHub {
  readonly input: ConnectionInput = { port: this.#port() };
  request: { permitted(): void; exhausted(): void } | undefined;
  state: ApiState | undefined;
  readonly begun: string[] = [];
  readonly ended: string[] = [];

  #port(): ConnectionPort {
    return {
      requestDial: (_, permitted, exhausted) => {
        this.request = { permitted, exhausted };
        return () => (this.request = undefined);
      },
      input: {} as never, // The protocol is played, and looks at none of what a session is made of.
      begin: (role) => void this.begun.push(role),
      report: (state) => (this.state = state),
      identified: () => {},
      yielded: () => {},
      ended: ({ code }) => this.ended.push(code),
      gaveUp: ({ code }) => this.ended.push(code),
      failed: () => {},
      rested: () => {},
      readable: () => {},
      lost: () => {},
      resumed: () => {},
    };
  }
}

const ended = (...how: Parameters<typeof closing>) => ({
  type: 'xstate.done.actor.protocol',
  output: { closing: closing(...how) },
});

/** The ten states: commands of the hub, news and ends of the protocol. */
export const connectionModel: Model<PlayedHub> = {
  machine: connectionMachine.provide({ actors: { protocol: played() as never } }), // Any logic will do; the type names the default's.
  worlds: { 'a connection': () => new PlayedHub() },
  samples: {
    connect: { type: 'connect' },
    cancel: { type: 'cancel' },
    'a trusted peer dials in': { type: 'offered', opener, opening: undefined, isTrusted: true },
    'a stranger dials in': { type: 'offered', opener, opening: undefined, isTrusted: false },
    'crossed by the dial of the peer': { type: 'crossed', opener, opening: undefined },
    close: { type: 'close', now: false, reason: 'closed' },
    abort: { type: 'abort', closing: closing('shutdown', 'local') },
    probe: { type: 'probe' },
    drain: { type: 'drain', afterMs: 1000 },
    accept: { type: 'accept' },
    deny: { type: 'deny' },
    granted: ({ request }) => request?.permitted(),
    'given up': ({ request }) => request?.exhausted(),
    'the hub wants another attempt': { type: 'redial' },
    'the hub wants no other attempt': { type: 'rest' },
    'the hub dismisses it': { type: 'dismiss' },
    'handshake started': { type: 'handshake.started' },
    'trust established': { type: 'trust.established' },
    'PIN requested': { type: 'pin.requested' },
    'data accepted': { type: 'data.accepted' },
    'handshake completed': { type: 'handshake.completed' },
    'peer identified': { type: 'peer.identified', peer: 'bob', isDuplicate: false },
    'peer identified, to which there is another connection': { type: 'peer.identified', peer: 'bob', isDuplicate: true },
    'session lost': { type: 'session.lost' },
    'session resumed': { type: 'session.resumed' },
    'the peer denies': ended('trust-denied', 'remote'),
    'the peer says goodbye': ended('peer-goodbye', 'remote'),
    'the session is lost for good': ended('window-expired', 'remote'),
    'the protocol breaks': { type: 'xstate.error.actor.protocol', error: new Error('broken') },
  },
  check({ state, begun, ended: told }, { value }) {
    const engaged = typeof value === 'object' ? (value['engaged'] as string) : undefined;
    const inner = engaged ?? (value === 'resting' ? 'none' : String(value));
    assert(state === inner || inner === 'ended', `the application hears of the state that is, ${inner}, and not of ${state}`);
    assert(told.length <= begun.length + 1 || state !== 'completed', 'nothing ends twice');
  },
};
