import type { PoolRefusalCode } from '../pool/pool.messages.js';
import type { Identified, Protocol } from '../protocol.js';
import type { VerifiedOpening, HandshakeContext } from './handshake.js';
import type { Evidence } from './authorizer.js';
import type { Hello, SigningContext } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';

/** The node, as identification needs it. */
export interface IdentifyContext extends HandshakeContext {
  authorizeArrival(hello: Hello, evidence: Evidence): Outcome;
  /** A verified Hello with this node's own key, over this challenge of its dialer: whether this node has dialed itself. */
  isOwnDial(dialerChallenge: Uint8Array): boolean;
}

/** Longer than any client hello or Hello. */
const FRAME_BYTES_MAX = 1100;
const HEAD_BYTES = 5;

const REFUSAL_OF: Partial<Record<Outcome, PoolRefusalCode>> = {
  malformed: 'malformed',
  'version-unsupported': 'version-unsupported',
  unexpected: 'identity-unknown',
  late: 'identity-unknown',
  banned: 'identity-unknown',
  unwanted: 'limit-reached',
};

/**
 * Identifies an accepted wire: a client hello is answered by a challenge, and nothing is decided before a Hello
 * over that challenge is verified. From that follow the peer's identity, whether it is expected, and whether it is accepted as a newcomer.
 * @rule RDV-3 RDV-4
 */
export function identifying(side: IdentifyContext): Protocol['identify'] {
  const { frames, signedMessages } = side;
  const refuse = (outcome: Outcome, counts = true): Identified => {
    if (counts) side.count(outcome);
    const code = REFUSAL_OF[outcome] ?? 'identity-mismatch';
    return { word: 'refuse', code: outcome, say: frames.putRefused({ code, retryAfterMs: 0 }) };
  };
  return (bytes) => {
    const isClientHello = frames.looksLikeClientHello(bytes);
    if (isClientHello !== true) return { word: isClientHello === undefined ? 'more' : 'foreign' };
    const helloEnd = frames.frameBytes(bytes, 0);
    if (bytes.length < helloEnd) return { word: 'more' };
    const clientHello = signedMessages.readClientHello(bytes, 0, helloEnd);
    if (clientHello === undefined) return refuse('malformed');
    if (clientHello.versionMin > signedMessages.version || clientHello.versionMax < signedMessages.version)
      return refuse('version-unsupported');
    const acceptorChallenge = side.entropy(32);
    const transcript: SigningContext = { dialerChallenge: clientHello.challenge, acceptorChallenge, speaker: 'dialer' };
    return {
      word: 'asks',
      say: signedMessages.writeChallenge(acceptorChallenge),
      then: (all, { identity }) => {
        if (all.length < helloEnd + HEAD_BYTES) return { word: 'more' };
        const end = helloEnd + frames.frameBytes(all.subarray(helloEnd), 0);
        if (end - helloEnd > FRAME_BYTES_MAX || frames.handshakeFrame(all, helloEnd, end) !== 'hello') return refuse('malformed');
        if (all.length < end) return { word: 'more' };
        const hello = signedMessages.readHello(all, helloEnd, end, transcript);
        if (typeof hello === 'string') return refuse(hello);
        if (hello.confirmedYou) return refuse('malformed'); // It can't have.
        if (hello.from === signedMessages.id)
          return side.isOwnDial(transcript.dialerChallenge) ? refuse('misdirected', false) : refuse('duplicate-key');
        const outcome = side.authorizeArrival(hello, { certificate: identity?.fingerprint });
        if (outcome !== 'expected' && outcome !== 'newcomer') return refuse(outcome);
        side.count(outcome);
        const opening: VerifiedOpening = { hello, transcript };
        return { word: 'known', label: hello.from, isNew: true, isInquiry: hello.to === undefined, opening };
      },
    };
  };
}
