import { closing, type ClosingCode } from '../closing.js';
import type { PoolRefused } from '../pool/pool.messages.js';
import type { PoolHandshake, HandshakeStep } from '../pool/pool.signals.js';
import type { Entropy } from '../ports.js';
import type { Hello, SignedMessages, NodeId, RendezvousFrames, SigningContext } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';

/** The node, as its handshakes need it. */
export interface HandshakeContext {
  readonly signedMessages: SignedMessages;
  readonly frames: RendezvousFrames;
  readonly entropy: Entropy;
  /** The Hello of this node; `peer` undefined: to an unknown peer. `lapsed`: this dial is no longer expected. */
  ownHello(peer: NodeId | undefined, as: 'dialer' | 'acceptor'): Omit<Hello, 'confirmedYou'> | 'lapsed';
  /** The objection to the Hello of a dialed peer. The certificate is compared when the wire's is known. */
  authorizeAnswer(hello: Hello): Outcome | undefined;
  isMet(peer: NodeId): boolean;
  /** This challenge was made up for a dial of this very node. */
  dialing(challenge: Uint8Array): void;
  /** That dial has come to this very node, under an address that it did not know for its own. */
  hasDialedItself(challenge: Uint8Array): boolean;
  /** The verified Hello of the peer on a wire. */
  verified(hello: Hello): void;
  count(outcome: Outcome): void;
}

const CLOSING_OF: Partial<Record<Outcome, ClosingCode>> = {
  malformed: 'malformed',
  'version-unsupported': 'version-unsupported',
  banned: 'handshake-refused',
  late: 'cancelled',
  met: 'lost-tie-break',
  crossed: 'lost-tie-break',
};

/** An outcome as the end of an attempt. Outcomes without a closing of their own are `identity-mismatch`. */
function closingOfOutcome(outcome: Outcome, side: 'local' | 'remote'): ReturnType<typeof closing> {
  return closing(CLOSING_OF[outcome] ?? 'identity-mismatch', side, { message: outcome });
}

/**
 * The dialer's part: client hello, read the challenge, send a Hello signed over it, verify the acceptor's Hello, confirm. Until then
 * nothing is believed, and nothing said decides anything.
 * @rule RDV-4
 */
export class DialerHandshake implements PoolHandshake {
  readonly #challenge: Uint8Array;
  #transcript: SigningContext | undefined;
  #claimsOurKey = false;

  constructor(
    readonly side: HandshakeContext,
    readonly peer: NodeId | undefined,
  ) {
    this.#challenge = side.entropy(32);
    side.dialing(this.#challenge);
  }

  begin(): HandshakeStep {
    // RDV-3: a dial that opens after its expectation has lapsed says nothing.
    if (this.side.ownHello(this.peer, 'dialer') === 'lapsed') return this.#fail('late', 'local');
    return { say: this.side.signedMessages.writeClientHello(this.#challenge) };
  }

  receive(bytes: Uint8Array, at: number, end: number): HandshakeStep {
    const { frames, signedMessages } = this.side;
    const kind = frames.handshakeFrame(bytes, at, end);
    if (kind === 'challenge' && this.#transcript === undefined) {
      const challenge = signedMessages.readChallenge(bytes, at, end);
      return challenge === undefined ? this.#fail('malformed') : this.#introduce(challenge);
    }
    if (kind !== 'hello' || this.#transcript === undefined) return this.#fail('malformed');
    const hello = signedMessages.readHello(bytes, at, end, { ...this.#transcript, speaker: 'acceptor' });
    if (typeof hello === 'string') return this.#fail(hello);
    if (this.peer !== undefined && hello.from !== this.peer) return this.#fail('identity-mismatch');
    const objection = hello.confirmedYou && !hello.isClient ? this.side.authorizeAnswer(hello) : 'malformed';
    if (objection !== undefined) return this.#fail(objection);
    const own = this.side.ownHello(this.peer, 'dialer');
    if (own === 'lapsed') return this.#fail('late', 'local');
    this.side.verified(hello);
    const say = signedMessages.writeHello({ ...own, to: hello.from, confirmedYou: true }, this.#transcript);
    return { say, signal: handshakeDone(hello) };
  }

  refused({ code, retryAfterMs }: PoolRefused): HandshakeStep {
    if (this.#claimsOurKey) {
      if (this.side.hasDialedItself(this.#challenge)) return this.#fail('misdirected', 'local', false);
      return this.#fail('duplicate-key');
    }
    this.side.count(code === 'crossed' ? 'crossed' : 'refused');
    if (code !== 'crossed') return { signal: { type: 'peer.refused', refusal: { code, retryAfterMs } } };
    // A dialer that doesn't know its peer learns nothing from a refusal: the connection that counts sends its own Hello.
    if (this.peer === undefined) return this.#fail('crossed', 'remote', false);
    return { signal: { type: 'peer.refused', refusal: { code, retryAfterMs, id: this.peer } } };
  }

  #introduce({ challenge, id, version }: { challenge: Uint8Array; id: NodeId; version: number }): HandshakeStep {
    const { signedMessages } = this.side;
    if (version !== signedMessages.version) return this.#fail('version-unsupported');
    // It claims to be a peer that is connected already: true or false, the dial is of no use.
    if (this.peer === undefined && id !== signedMessages.id && this.side.isMet(id)) return this.#fail('met', 'local', false);
    this.#claimsOurKey = id === signedMessages.id; // This node itself, or another process with its key: the other end finds out which.
    const own = this.side.ownHello(this.peer, 'dialer');
    if (own === 'lapsed') return this.#fail('late', 'local');
    this.#transcript = { dialerChallenge: this.#challenge, acceptorChallenge: challenge, speaker: 'dialer' };
    return { say: signedMessages.writeHello({ ...own, confirmedYou: false }, this.#transcript) };
  }

  #fail(outcome: Outcome, side: 'local' | 'remote' = 'remote', counts = true): HandshakeStep {
    if (counts) this.side.count(outcome);
    return { signal: { type: 'handshake.failed', closing: closingOfOutcome(outcome, side) } };
  }
}

/** The listener's result of the first frames: a verified Hello, and the context of its signature. */
export interface VerifiedOpening {
  readonly hello: Hello;
  readonly transcript: SigningContext;
}

/**
 * The acceptor's part: the listener has read the client hello, challenged it and verified its Hello. Here follow its own Hello, and the
 * confirmation without which nothing is open.
 */
export class AcceptorHandshake implements PoolHandshake {
  #hasAnswered = false;

  constructor(
    readonly side: HandshakeContext,
    readonly arrived: VerifiedOpening,
  ) {}

  begin(): HandshakeStep {
    return {};
  }

  receive(bytes: Uint8Array, at: number, end: number): HandshakeStep {
    const { signedMessages, frames } = this.side;
    const kind = frames.handshakeFrame(bytes, at, end);
    if (!this.#hasAnswered) {
      if (kind !== 'hello') return {}; // The client hello, which the listener has answered.
      this.#hasAnswered = true;
      return this.#answer();
    }
    const { hello: first, transcript } = this.arrived;
    const hello = kind === 'hello' ? signedMessages.readHello(bytes, at, end, transcript) : 'malformed';
    const outcome = typeof hello === 'string' ? hello : hello.from === first.from && hello.confirmedYou ? undefined : 'malformed';
    if (outcome !== undefined) {
      this.side.count(outcome);
      return { signal: { type: 'handshake.failed', closing: closingOfOutcome(outcome, 'remote') } };
    }
    this.side.verified(first);
    return { signal: handshakeDone(first) };
  }

  refused(): HandshakeStep {
    return 'malformed';
  }

  #answer(): HandshakeStep {
    const { hello, transcript } = this.arrived;
    const own = this.side.ownHello(hello.from, 'acceptor');
    if (own === 'lapsed') return { signal: { type: 'handshake.failed', closing: closingOfOutcome('late', 'local') } };
    return { say: this.side.signedMessages.writeHello({ ...own, confirmedYou: true }, { ...transcript, speaker: 'acceptor' }) };
  }
}

function handshakeDone({
  from,
  certificate,
}: Hello): Extract<NonNullable<Exclude<HandshakeStep, 'malformed'>['signal']>, { type: 'handshake.done' }> {
  return { type: 'handshake.done', id: from, isUnderstood: true, fingerprint: certificate };
}
