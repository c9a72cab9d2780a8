import { handshake, type Phase } from './scripted-handshake.js';
import type { ScriptedPeer } from './scripted-peer.js';
import { hello, memberOf, nameOf, protocolHandshake, type ShipMessage } from './ship-messages.js';

/** What a device did after its peer had fallen silent. */
export interface Outcome {
  /** When it spoke, and last when it ended the wire, in whole seconds of the silence: `10 messageProtocolHandshakeError 1`. */
  readonly said: readonly string[];
  /** How it ended the wire; undefined: it had not within the patience of the case. */
  readonly code: number | undefined;
}

/** A place in the handshake where a peer says nothing more. */
export interface Silence {
  readonly name: string;
  /** The role of the device under test. */
  readonly device: 'server' | 'client';
  /** Default: it does, and is `ready` for that. */
  readonly trustsUs?: false;
  /** Everything the peer says before it falls silent. */
  readonly before: (peer: ScriptedPeer) => Promise<unknown>;
  readonly patienceMs: number;
  readonly holdfast: Outcome;
  readonly shipGo: Outcome;
}

const until = (phase: Phase) => (peer: ScriptedPeer) => handshake(peer, { until: phase });
async function sees(peer: ScriptedPeer, phase: 'ready' | 'pending'): Promise<void> {
  if (memberOf(await peer.expectNamed('connectionHello'), 'phase') !== phase) throw new Error(`expected the hello ${phase}`);
}
const ends = (code: number | undefined, ...said: string[]): Outcome => ({ said, code });
const SHORT = 13_000;
const LONG = 66_000;

/** Every timer of the handshake, in both roles. */
export const silences: readonly Silence[] = [
  {
    name: 'no CMI',
    device: 'server',
    before: () => Promise.resolve(),
    patienceMs: SHORT,
    holdfast: ends(4001, '10 end'),
    shipGo: ends(4001, '10 end'),
  },
  {
    name: 'no CMI',
    device: 'client',
    before: (peer) => peer.expectCmi(),
    patienceMs: SHORT,
    holdfast: ends(4001, '10 end'),
    shipGo: ends(1006, '10 end'),
  },
  {
    name: 'no announceMax',
    device: 'server',
    before: until('hello'),
    patienceMs: SHORT,
    holdfast: ends(4001, '10 messageProtocolHandshakeError 1', '10 end'),
    shipGo: ends(1006, '10 end'),
  },
  {
    name: 'announced, and then no select',
    device: 'server',
    before: async (peer) => {
      await handshake(peer, { until: 'hello' });
      await peer.send(protocolHandshake('announceMax'));
      await peer.expect(protocolHandshake('select'));
    },
    patienceMs: SHORT,
    holdfast: ends(4001, '10 messageProtocolHandshakeError 1', '10 end'),
    shipGo: ends(1006, '10 end'),
  },
  {
    name: 'no select',
    device: 'client',
    before: async (peer) => {
      await handshake(peer, { until: 'hello' });
      await peer.expect(protocolHandshake('announceMax'));
    },
    patienceMs: SHORT,
    holdfast: ends(4001, '10 messageProtocolHandshakeError 1', '10 end'),
    shipGo: ends(1006, '10 end'),
  },
  ...(['server', 'client'] as const).map((device) => ({
    name: 'no PIN state',
    device,
    before: async (peer: ScriptedPeer) => {
      await handshake(peer, { until: 'protocol' });
      await peer.expectNamed('connectionPinState');
    },
    patienceMs: SHORT,
    holdfast: ends(4001, '10 end'),
    shipGo: ends(undefined), // It has no such timer.
  })),
  ...(['server', 'client'] as const).map((device) => ({
    name: 'no access methods',
    device,
    before: async (peer: ScriptedPeer) => {
      await handshake(peer, { until: 'pin' });
      await peer.expectNamed('accessMethodsRequest');
    },
    patienceMs: SHORT,
    holdfast: ends(undefined), // Data flows after our own part of the phase; a missing answer ends nothing.
    shipGo: ends(1006, '10 end'),
  })),
  ...(['server', 'client'] as const).map((device) => ({
    name: 'ready, and our user never decides',
    device,
    before: async (peer: ScriptedPeer) => {
      await handshake(peer, { until: 'cmi' });
      await sees(peer, 'ready');
      await peer.send(hello('pending'));
    },
    patienceMs: LONG,
    holdfast: ends(4452, '60 connectionHello aborted', '61 end'),
    shipGo: ends(4452, '60 connectionHello aborted', '61 end'),
  })),
  {
    name: 'pending, and we wait 60 s',
    device: 'server',
    trustsUs: false,
    before: async (peer) => {
      await handshake(peer, { until: 'cmi' });
      await sees(peer, 'pending');
      await peer.send(hello('ready'));
    },
    patienceMs: LONG,
    holdfast: ends(undefined, '45 connectionHello pending true'),
    shipGo: ends(undefined, '30 connectionHello pending true'),
  },
  {
    name: 'pending, and we say nothing',
    device: 'server',
    trustsUs: false,
    before: async (peer) => {
      await handshake(peer, { until: 'cmi' });
      await sees(peer, 'pending');
    },
    patienceMs: LONG,
    holdfast: ends(undefined, '60 connectionHello pending true'),
    shipGo: ends(undefined, '60 connectionHello pending true'),
  },
];

/** Keeps silent towards a device, and notes what it does. */
export async function observe(peer: ScriptedPeer, { before, patienceMs }: Silence): Promise<Outcome> {
  await before(peer);
  const began = performance.now();
  const said: string[] = [];
  for (;;) {
    const next = await peer.next(Math.max(1, patienceMs - (performance.now() - began))).catch(() => undefined);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (next === undefined) return { said, code: undefined };
    const word = next.kind === 'message' ? wordOf(next.message) : next.kind === 'text' ? 'text' : 'end';
    said.push(`${seconds} ${word}`);
    if (next.kind === 'close') return { said, code: next.code };
  }
}

/** On a busy machine either side may be late by this much: the one that keeps time, or the one that looks at the clock. */
const TOLERANCE_S = 2;

/** The outcome, with what was expected in place of what came nearly so: the same word, two seconds sooner or later. */
export function nearly(outcome: Outcome, expected: Outcome): Outcome {
  const said = outcome.said.map((each, i) => {
    const [seconds, word] = split(each);
    const [wanted, wantedWord] = split(expected.said[i] ?? '');
    return word === wantedWord && Math.abs(seconds - wanted) <= TOLERANCE_S ? expected.said[i]! : each;
  });
  return { ...outcome, said };
}

function split(said: string): readonly [seconds: number, word: string] {
  const at = said.indexOf(' ');
  return [Number(said.slice(0, at)), said.slice(at + 1)];
}

function wordOf(message: ShipMessage): string {
  const details = ['phase', 'prolongationRequest', 'error'].map((member) => memberOf(message, member));
  return [nameOf(message), ...details.filter((each) => each !== undefined)].join(' ');
}
