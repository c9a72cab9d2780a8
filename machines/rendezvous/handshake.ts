import { closing, type ClosingCode } from '../closing.js';
import type { PoolRefused } from '../pool/pool.messages.js';
import type { PoolGreeting, Said } from '../pool/pool.signals.js';
import type { Entropy } from '../ports.js';
import type { Hello, Letters, NodeId, RendezvousFrames, Talk } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';

/** What two nodes' greeting asks of the node it speaks for. */
export interface GreetingSide {
  readonly letters: Letters;
  readonly frames: RendezvousFrames;
  readonly entropy: Entropy;
  /** What is said of this node; `peer` undefined: to whoever is there. `lapsed`: this dial is no longer expected. */
  introduce(peer: NodeId | undefined, as: 'dialer' | 'acceptor'): Omit<Hello, 'confirmedYou'> | 'lapsed';
  /** What is wrong with the Hello of who was dialed. The certificate is compared when the wire's is known. */
  judgeAnswer(hello: Hello): Outcome | undefined;
  isMet(peer: NodeId): boolean;
  /** This challenge was made up for a dial of this very node. */
  dialing(challenge: Uint8Array): void;
  /** That dial has come to this very node, under an address that it did not know for its own. */
  hasDialedItself(challenge: Uint8Array): boolean;
  /** Whom a wire turned out to be to, and what it says of itself. */
  heard(hello: Hello): void;
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

/** An outcome as the end of an attempt. What has no word of its own is a matter of who it is. */
export function closingOfOutcome(outcome: Outcome, side: 'local' | 'remote'): ReturnType<typeof closing> {
  return closing(CLOSING_OF[outcome] ?? 'identity-mismatch', side, { message: outcome });
}

/**
 * The dialer's part: knock, hear a challenge, say Hello over it, hear the other's Hello over one's own, confirm. Until then
 * nothing is believed, and nothing said decides anything.
 * @rule RDV-4
 */
export class DialerGreeting implements PoolGreeting {
  readonly #challenge: Uint8Array;
  #talk: Talk | undefined;
  #claimsOurKey = false;

  constructor(
    readonly side: GreetingSide,
    readonly peer: NodeId | undefined,
  ) {
    this.#challenge = side.entropy(32);
    side.dialing(this.#challenge);
  }

  begin(): Said {
    // RDV-3: a dial that opens after its expectation has lapsed says nothing.
    if (this.side.introduce(this.peer, 'dialer') === 'lapsed') return this.#fail('late', 'local');
    return { say: this.side.letters.writeKnock(this.#challenge) };
  }

  hear(bytes: Uint8Array, at: number, end: number): Said {
    const { frames, letters } = this.side;
    const kind = frames.greetingFrame(bytes, at, end);
    if (kind === 'challenge' && this.#talk === undefined) {
      const challenge = letters.readChallenge(bytes, at, end);
      return challenge === undefined ? this.#fail('malformed') : this.#introduce(challenge);
    }
    if (kind !== 'hello' || this.#talk === undefined) return this.#fail('malformed');
    const hello = letters.readHello(bytes, at, end, { ...this.#talk, speaker: 'acceptor' });
    if (typeof hello === 'string') return this.#fail(hello);
    if (this.peer !== undefined && hello.from !== this.peer) return this.#fail('identity-mismatch');
    const objection = hello.confirmedYou && !hello.isClient ? this.side.judgeAnswer(hello) : 'malformed';
    if (objection !== undefined) return this.#fail(objection);
    const own = this.side.introduce(this.peer, 'dialer');
    if (own === 'lapsed') return this.#fail('late', 'local');
    this.side.heard(hello);
    const say = letters.writeHello({ ...own, to: hello.from, confirmedYou: true }, this.#talk);
    return { say, signal: greeted(hello) };
  }

  refused({ code, retryAfterMs }: PoolRefused): Said {
    if (this.#claimsOurKey) {
      if (this.side.hasDialedItself(this.#challenge)) return this.#fail('misdirected', 'local', false);
      return this.#fail('duplicate-key');
    }
    this.side.count(code === 'crossed' ? 'crossed' : 'refused');
    if (code !== 'crossed') return { signal: { type: 'peer.refused', refusal: { code, retryAfterMs } } };
    // To who doesn't know whom it dials, a refusal proves nobody: whichever connection counts will say Hello itself.
    if (this.peer === undefined) return this.#fail('crossed', 'remote', false);
    return { signal: { type: 'peer.refused', refusal: { code, retryAfterMs, id: this.peer } } };
  }

  #introduce({ challenge, id, version }: { challenge: Uint8Array; id: NodeId; version: number }): Said {
    const { letters } = this.side;
    if (version !== letters.version) return this.#fail('version-unsupported');
    // It claims to be somebody who is connected already: if so, the dial is idle, and if not, as well.
    if (this.peer === undefined && id !== letters.id && this.side.isMet(id)) return this.#fail('met', 'local', false);
    this.#claimsOurKey = id === letters.id; // This node itself, or another process with its key: the other end finds out which.
    const own = this.side.introduce(this.peer, 'dialer');
    if (own === 'lapsed') return this.#fail('late', 'local');
    this.#talk = { dialerChallenge: this.#challenge, acceptorChallenge: challenge, speaker: 'dialer' };
    return { say: letters.writeHello({ ...own, confirmedYou: false }, this.#talk) };
  }

  #fail(outcome: Outcome, side: 'local' | 'remote' = 'remote', counts = true): Said {
    if (counts) this.side.count(outcome);
    return { signal: { type: 'greeting.failed', closing: closingOfOutcome(outcome, side) } };
  }
}

/** What the door has made of the first words: a verified Hello, and what it was signed over. */
export interface Arrived {
  readonly hello: Hello;
  readonly talk: Talk;
}

/**
 * The acceptor's part: the door has heard knock and Hello, challenged and verified. Here follow its own Hello, and the
 * confirmation without which nothing is open.
 */
export class AcceptorGreeting implements PoolGreeting {
  #hasAnswered = false;

  constructor(
    readonly side: GreetingSide,
    readonly arrived: Arrived,
  ) {}

  begin(): Said {
    return {};
  }

  hear(bytes: Uint8Array, at: number, end: number): Said {
    const { letters, frames } = this.side;
    const kind = frames.greetingFrame(bytes, at, end);
    if (!this.#hasAnswered) {
      if (kind !== 'hello') return {}; // The knock, which the door has answered.
      this.#hasAnswered = true;
      return this.#answer();
    }
    const { hello: first, talk } = this.arrived;
    const hello = kind === 'hello' ? letters.readHello(bytes, at, end, talk) : 'malformed';
    const outcome = typeof hello === 'string' ? hello : hello.from === first.from && hello.confirmedYou ? undefined : 'malformed';
    if (outcome !== undefined) {
      this.side.count(outcome);
      return { signal: { type: 'greeting.failed', closing: closingOfOutcome(outcome, 'remote') } };
    }
    this.side.heard(first);
    return { signal: greeted(first) };
  }

  refused(): Said {
    return 'malformed';
  }

  #answer(): Said {
    const { hello, talk } = this.arrived;
    const own = this.side.introduce(hello.from, 'acceptor');
    if (own === 'lapsed') return { signal: { type: 'greeting.failed', closing: closingOfOutcome('late', 'local') } };
    return { say: this.side.letters.writeHello({ ...own, confirmedYou: true }, { ...talk, speaker: 'acceptor' }) };
  }
}

function greeted({
  from,
  certificate,
}: Hello): Extract<NonNullable<Exclude<Said, 'malformed'>['signal']>, { type: 'peer.greeted' }> {
  return { type: 'peer.greeted', id: from, isUnderstood: true, fingerprint: certificate };
}
