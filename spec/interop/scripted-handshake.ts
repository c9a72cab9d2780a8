import type { ScriptedPeer } from './scripted-peer.js';
import {
  accessMethods,
  accessMethodsRequest,
  cmi,
  hello,
  memberOf,
  nameOf,
  pinState,
  protocolHandshake,
  type ShipMessage,
} from './ship-messages.js';

/** The phases of a handshake in their order. */
export const phases = ['cmi', 'hello', 'protocol', 'pin', 'access'] as const;
export type Phase = (typeof phases)[number];

export interface HandshakeOptions {
  /** The SHIP ID that this side tells. Default `scripted`. */
  readonly shipId?: string;
  /** The first phase to play; those before it are done. Default `cmi`. */
  readonly from?: Phase;
  /** The last phase to play. Default `access`. */
  readonly until?: Phase;
  /** How long the other side may take for each message, in milliseconds; more where a person has to accept. Default 10 000. */
  readonly withinMs?: number;
}

export interface HandshakeResult {
  /** The other side's SHIP ID; undefined where the access phase was not played. */
  readonly shipId: string | undefined;
  /** Every message that came, in order. */
  readonly received: readonly ShipMessage[];
}

/**
 * Plays a normal handshake in the role of the peer, phase by phase, checking each answer. A server that has us pending is waited
 * for, and its requests for prolongation are granted. Rejects at the first message that is not as it should be.
 */
export async function handshake(peer: ScriptedPeer, options: HandshakeOptions = {}): Promise<HandshakeResult> {
  const { shipId = 'scripted', from = 'cmi', until = 'access', withinMs = 10_000 } = options;
  const received: ShipMessage[] = [];
  const play: Play = {
    peer,
    shipId,
    take: async (name) => {
      const message = await peer.expectNamed(name, withinMs);
      received.push(message);
      return message;
    },
    takeAny: async () => {
      const next = await peer.next(withinMs, 'a message');
      if (next.kind !== 'message') throw new Error(`expected a message, got ${JSON.stringify(next)}`);
      received.push(next.message);
      return next.message;
    },
  };
  let theirs: string | undefined;
  for (const phase of phases.slice(phases.indexOf(from), phases.indexOf(until) + 1)) {
    if (phase === 'access') theirs = await playAccess(play);
    else await plays[phase](play);
  }
  return { shipId: theirs, received };
}

interface Play {
  readonly peer: ScriptedPeer;
  readonly shipId: string;
  readonly take: (name: string) => Promise<ShipMessage>;
  readonly takeAny: () => Promise<ShipMessage>;
}

const plays = { cmi: playCmi, hello: playHello, protocol: playProtocol, pin: playPin };

/** The client speaks first. */
async function playCmi({ peer, take }: Play): Promise<void> {
  if (peer.role === 'client') await peer.send(cmi);
  await take('cmi');
  if (peer.role === 'server') await peer.send(cmi);
}

/** Ready at once, as a client must be (a later `ready` is refused by ship-go). A second `ready` is sent only if prolongation is asked for. */
async function playHello({ peer, take }: Play): Promise<void> {
  await peer.send(hello('ready'));
  for (;;) {
    const theirs = await take('connectionHello');
    const phase = memberOf(theirs, 'phase');
    if (phase === 'ready') return;
    if (phase !== 'pending') throw new Error(`the other side says ${phase}`);
    if (memberOf(theirs, 'prolongationRequest') === 'true') await peer.send(hello('ready'));
  }
}

async function playProtocol({ peer, take }: Play): Promise<void> {
  if (peer.role === 'client') {
    await peer.send(protocolHandshake('announceMax'));
    requireMember(await take('messageProtocolHandshake'), 'handshakeType', 'select');
    await peer.send(protocolHandshake('select'));
    return;
  }
  requireMember(await take('messageProtocolHandshake'), 'handshakeType', 'announceMax');
  await peer.send(protocolHandshake('select'));
  requireMember(await take('messageProtocolHandshake'), 'handshakeType', 'select');
}

async function playPin({ peer, take }: Play): Promise<void> {
  await peer.send(pinState('none'));
  requireMember(await take('connectionPinState'), 'pinState', 'none');
}

/** Our request goes out before their answer: once ship-go is complete, it answers no more. */
async function playAccess({ peer, shipId, takeAny }: Play): Promise<string> {
  await peer.send(accessMethodsRequest);
  let theirs: string | undefined;
  let asked = false;
  while (theirs === undefined || !asked) {
    const message = await takeAny();
    const name = nameOf(message);
    if (name === 'accessMethodsRequest') {
      asked = true;
      await peer.send(accessMethods(shipId));
    } else if (name === 'accessMethods') {
      theirs = memberOf(message, 'id') ?? '';
    } else {
      throw new Error(`expected access methods, got ${message.type} ${message.text}`);
    }
  }
  return theirs;
}

function requireMember(message: ShipMessage, member: string, value: string): void {
  if (memberOf(message, member) !== value) throw new Error(`expected ${member} ${value}, got ${message.text}`);
}
