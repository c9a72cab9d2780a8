import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { endHubs, node } from '../ship/nodes.js';
import { handshake, type Phase } from './scripted-handshake.js';
import { listenPeer } from './scripted-listener.js';
import { dialPeer, type ScriptedPeer } from './scripted-peer.js';
import { ShipGo, shipGoAvailable } from './ship-go.js';
import { hello, memberOf, nameOf, protocolHandshake, type ShipMessage } from './ship-messages.js';

/**
 * Slow, for ship-go's timers can't be turned: every silence that SHIP has a timer for, kept towards holdfast and towards
 * ship-go at once, all of them side by side. 75 s in all, whatever their number.
 */
const withShipGo = shipGoAvailable() ? describe : describe.skip;

/** What a device did after its peer had fallen silent. */
interface Outcome {
  /** Until its first word or end, in whole seconds. */
  readonly seconds: number;
  /** Its words from then on. */
  readonly said: readonly string[];
  /** How it ended the wire; undefined: it had not within the patience of the case. */
  readonly code: number | undefined;
}

interface Silence {
  readonly name: string;
  /** The role of the device under test. */
  readonly device: 'server' | 'client';
  readonly isTrusted?: false;
  /** Everything the peer says before it falls silent. */
  readonly before: (peer: ScriptedPeer) => Promise<unknown>;
  readonly patienceMs: number;
  readonly holdfast: Outcome;
  readonly shipGo: Outcome;
}

const until = (phase: Phase) => (peer: ScriptedPeer) => handshake(peer, { until: phase });
const heard = async (peer: ScriptedPeer, ...names: string[]): Promise<void> => {
  for (const name of names) await peer.expectNamed(name);
};
const wordOf = (message: ShipMessage): string => {
  const detail = ['phase', 'prolongationRequest', 'error'].map((member) => memberOf(message, member)).filter(Boolean);
  return [nameOf(message), ...detail].join(' ');
};
const ends = (seconds: number, code: number, ...said: string[]): Outcome => ({ seconds, said, code });
const hangs: Outcome = { seconds: Infinity, said: [], code: undefined };
const error1 = 'messageProtocolHandshakeError 1';
const aborted = 'connectionHello aborted';
const more = 'connectionHello pending true';

const silences: readonly Silence[] = [
  {
    name: 'no CMI',
    device: 'server',
    before: () => Promise.resolve(),
    patienceMs: 13_000,
    holdfast: ends(10, 4001),
    shipGo: ends(10, 4001),
  },
  {
    name: 'no CMI',
    device: 'client',
    before: (peer) => peer.expectCmi(),
    patienceMs: 13_000,
    holdfast: ends(10, 4001),
    shipGo: ends(10, 1006),
  },
];

async function observe(peer: ScriptedPeer, { before, patienceMs }: Silence): Promise<Outcome> {
  await before(peer);
  const began = performance.now();
  const said: string[] = [];
  let seconds = Infinity;
  for (;;) {
    const left = patienceMs - (performance.now() - began);
    const next = await peer.next(Math.max(1, left)).catch(() => undefined);
    if (next === undefined) return { seconds, said, code: undefined };
    if (seconds === Infinity) seconds = Math.round((performance.now() - began) / 1000);
    if (next.kind === 'close') return { seconds, said, code: next.code };
    said.push(next.kind === 'message' ? wordOf(next.message) : 'text');
  }
}
