import { signedMessages } from '../../adapters/rendezvous/index.js';
import type { Signing } from '../../adapters/rendezvous/index.js';
import { Authorizer, type AuthContext } from '../../machines/rendezvous/authorizer.js';
import type {
  ConnectRequest,
  Hello,
  SignedMessages,
  Signed,
  ContactInfo,
} from '../../machines/rendezvous/rendezvous.messages.js';
import { RENDEZVOUS_LIMITS, type RendezvousLimits } from '../../machines/rendezvous/rendezvous.timing.js';
import { heldBytes } from '../sim/held.js';
import { SeededRandom } from '../sim/random.js';
import { real } from '../sim/rendezvous-keys.js';

const random = new SeededRandom(1);

/** An authorizer of its own, and what it is asked by others. */
class Court {
  readonly relayed: SignedMessages;
  readonly authorizer: Authorizer;
  readonly met = new Set<string>();
  readonly owners = new Map<string, string>();
  wants = true;
  isClient = false;
  certificate: string | undefined;
  verified = 0;

  constructor(
    readonly port: number,
    limits: Partial<RendezvousLimits> = {},
    signing: Signing = real(),
  ) {
    const verify: Signing['verify'] = (...args) => (this.verified++, signing.verify(...args));
    this.relayed = signedMessages({ ...signing, verify });
    const context: AuthContext = {
      signedMessages: this.relayed,
      entropy: random.bytes,
      limits: { ...RENDEZVOUS_LIMITS, ...limits },
      self: () => ({ transport: 'tcp', addresses: [this.address], isClient: this.isClient, certificate: this.certificate }),
      wants: () => this.wants,
      isMet: (peer) => this.met.has(peer),
      ownerOf: (address) => this.owners.get(address),
    };
    this.authorizer = new Authorizer(context);
  }
  get id(): string {
    return this.relayed.id;
  }
  get address(): string {
    return `tcp://192.0.2.1:${this.port}`;
  }
  about(to: Court, change: Partial<ContactInfo> = {}): ContactInfo {
    const nonce = [...random.bytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return { from: this.id, to: to.id, nonce, transport: 'tcp', addresses: [this.address], isClient: false, certificate: undefined, ...change }; // prettier-ignore
  }
  request(to: Court, change?: Partial<ContactInfo>): Signed<ConnectRequest> {
    return this.relayed.writeRequest(this.about(to, change));
  }
  hello(to: Court, change: Partial<Hello> = {}): Hello {
    return { from: this.id, to: to.id, nonce: undefined, transport: 'tcp', address: this.address, isClient: false, certificate: undefined, confirmedYou: false, ...change }; // prettier-ignore
  }
  outcome(bytes: Uint8Array, now = 0): string {
    return this.authorizer.authorizeMessage(bytes, now).outcome;
  }
}
const answerOf = (result: ReturnType<Authorizer['authorizeMessage']>): Uint8Array => {
  if (!('answer' in result)) throw new Error(`no answer: ${result.outcome}`);
  return result.answer;
};
const NO_EVIDENCE = { certificate: undefined };

describe('rendezvous/authorizer: letters', () => {
  test('[RDV-2] a request that is wanted is stored and answered; the answer to it is stored where it was asked', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    const request = alice.authorizer.request(bob.id, 0);
    const result = bob.authorizer.authorizeMessage(request, 10);
    expect(result).toMatchObject({ outcome: 'stored', from: alice.id });
    expect(bob.authorizer.expected.newestOf(alice.id, 10)?.grounds.holds).toBe('request');
    expect(bob.authorizer.contactInfoOf(alice.id, 10)?.addresses).toEqual([alice.address]);
    expect(alice.authorizer.authorizeMessage(answerOf(result), 20)).toEqual({ outcome: 'answered', from: bob.id });
    expect(alice.authorizer.expected.newestOf(bob.id, 20)?.grounds.holds).toBe('response');
    // Each presents what the other has made up.
    const [ours, theirs] = [alice.authorizer.nonceFor(bob.id, 20), bob.authorizer.nonceFor(alice.id, 20)];
    expect(bob.authorizer.authorizeArrival(alice.hello(bob, { nonce: ours }), NO_EVIDENCE, 20)).toBe('expected');
    expect(alice.authorizer.authorizeArrival(bob.hello(alice, { nonce: theirs }), NO_EVIDENCE, 20)).toBe('expected');
  });

  test('[RDV-2] the receiver of a request may dial before its answer is there: the nonce says that it has read the request', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    bob.authorizer.authorizeMessage(alice.authorizer.request(bob.id, 0), 1);
    const nonce = bob.authorizer.nonceFor(alice.id, 1);
    expect(alice.authorizer.authorizeArrival(bob.hello(alice, { nonce }), NO_EVIDENCE, 2)).toBe('expected');
  });

  test('[RDV-10] a letter to another node, from oneself, or badly encoded', () => {
    const [alice, bob, carol] = [new Court(1), new Court(2), new Court(3)];
    expect(carol.outcome(alice.request(bob).bytes)).toBe('misdirected');
    expect(bob.outcome(bob.request(bob).bytes)).toBe('misdirected');
    expect(bob.outcome(Uint8Array.of(1, 2, 3))).toBe('malformed');
    expect(bob.authorizer.expected.size + carol.authorizer.expected.size).toBe(0);
  });

  test('[RDV-10] a forged request: no peer is expected, and the node that it names may still ask', () => {
    const [alice, bob, mallory] = [new Court(1), new Court(2), new Court(3)];
    const forged = mallory.relayed.writeRequest(alice.about(bob));
    expect(bob.outcome(forged.bytes)).toBe('forged');
    expect([bob.authorizer.expected.size, bob.outcome(alice.request(bob).bytes)]).toEqual([0, 'stored']);
  });

  test('[RDV-7] a second request of the same peer within 20 s is ignored, and costs no signature; after a meeting it is', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    expect(bob.outcome(alice.request(bob).bytes, 0)).toBe('stored');
    const before = bob.verified;
    expect(bob.outcome(alice.request(bob).bytes, 19_999)).toBe('repeated');
    expect(bob.verified).toBe(before);
    expect(bob.outcome(alice.request(bob).bytes, 20_000)).toBe('stored');
    expect(bob.outcome(alice.request(bob).bytes, 20_001)).toBe('repeated');
    bob.authorizer.met(alice.id, 20_002);
    expect(bob.outcome(alice.request(bob).bytes, 20_003)).toBe('stored');
  });

  test('[RDV-10] a request replayed, at once and later', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    const { bytes } = alice.request(bob);
    expect([0, 1, 20_001, 299_999].map((now) => bob.outcome(bytes, now))).toEqual(['stored', 'repeated', 'replayed', 'replayed']);
  });

  test('[RDV-7] a banned peer stays out for its time', () => {
    const [alice, bob] = [new Court(1), new Court(2, { banMs: 1000 })];
    bob.authorizer.ban(alice.id, 0);
    expect(bob.outcome(alice.request(bob).bytes, 999)).toBe('banned');
    expect(bob.authorizer.authorizeArrival(alice.hello(bob), NO_EVIDENCE, 999)).toBe('banned');
    expect(bob.authorizer.reset()).toEqual([]); // Forgetting everybody forgets no ban.
    expect(bob.outcome(alice.request(bob).bytes, 999)).toBe('banned');
    expect(bob.outcome(alice.request(bob).bytes, 1000)).toBe('stored');
  });

  test('[RDV-2] a request that is not wanted is dropped', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    bob.wants = false;
    expect([bob.outcome(alice.request(bob).bytes), bob.authorizer.expected.size]).toEqual(['unwanted', 0]);
  });

  test('[RDV-10] a response to a request that was never made, to one that lapsed, to one that was answered, and one that is forged', () => {
    const [alice, bob, mallory] = [new Court(1), new Court(2), new Court(3)];
    // Never made: Mallory signs a request in Alice's name, or takes one that Alice has sent to somebody else.
    const invented = mallory.relayed.writeRequest(alice.about(mallory));
    expect(alice.outcome(mallory.relayed.writeResponse(mallory.about(alice), invented).bytes)).toBe('not-asked');
    const toBob = alice.relayed.read(alice.authorizer.request(bob.id, 0)) as Signed<ConnectRequest>;
    expect(alice.outcome(mallory.relayed.writeResponse(mallory.about(alice), toBob).bytes)).toBe('not-asked');
    // The nonce is right and the rest of the embedded request isn't what was signed.
    const bent = mallory.relayed.writeRequest({ ...toBob.message, addresses: [] });
    expect(alice.outcome(bob.relayed.writeResponse(bob.about(alice), bent).bytes)).toBe('not-asked');
    // Forged: in Bob's name, to the right request.
    expect(alice.outcome(mallory.relayed.writeResponse(bob.about(alice), toBob).bytes)).toBe('forged');
    const response = bob.relayed.writeResponse(bob.about(alice), toBob).bytes;
    expect(alice.outcome(response, 5)).toBe('answered');
    expect(alice.outcome(response, 6)).toBe('replayed');
    alice.authorizer.met(bob.id, 7);
    expect(alice.outcome(response, 8)).toBe('replayed');
    const late = alice.relayed.read(alice.authorizer.request(bob.id, 10)) as Signed<ConnectRequest>;
    expect(alice.outcome(bob.relayed.writeResponse(bob.about(alice), late).bytes, 300_010)).toBe('late');
    expect(alice.authorizer.nonceFor(bob.id, 300_010)).toBeUndefined();
  });

  test('[RDV-10] the first response to a request that has served already is late; only a second one is a replay', () => {
    const meets: Readonly<Record<string, (alice: Court, bob: Court) => void>> = {
      'its dial, which shows the nonce': (alice, bob) => alice.authorizer.met(bob.id, 3),
      'its own request, and a dial': (alice, bob) => {
        expect(alice.outcome(bob.request(alice).bytes, 2)).toBe('stored');
        alice.authorizer.met(bob.id, 3);
      },
      'its own request, and no connection': (alice, bob) => void alice.outcome(bob.request(alice).bytes, 2),
    };
    const got = Object.entries(meets).map(([quicker, meet]) => {
      const [alice, bob] = [new Court(1), new Court(2)];
      const result = bob.authorizer.authorizeMessage(alice.authorizer.request(bob.id, 0), 1);
      meet(alice, bob);
      const outcomes = [alice.outcome(answerOf(result), 4), alice.outcome(answerOf(result), 5)];
      return [quicker, outcomes];
    });
    expect(Object.fromEntries(got)).toEqual({
      'its dial, which shows the nonce': ['late', 'late'],
      'its own request, and a dial': ['late', 'late'],
      'its own request, and no connection': ['answered', 'replayed'],
    });
  });

  test('[RDV-10] a Hello that shows a used nonce is late, with and without a response before', () => {
    const got = [true, false].map((isAnswered) => {
      const [alice, bob] = [new Court(1), new Court(2)];
      const result = bob.authorizer.authorizeMessage(alice.authorizer.request(bob.id, 0), 1);
      const nonce = bob.authorizer.nonceFor(alice.id, 1);
      if (isAnswered) expect(alice.outcome(answerOf(result), 2)).toBe('answered');
      alice.authorizer.met(bob.id, 3);
      const arrive = (): string => alice.authorizer.authorizeArrival(bob.hello(alice, { nonce }), NO_EVIDENCE, 4);
      const separate = arrive();
      alice.met.add(bob.id); // Still connected: its dial crossed ours.
      return [separate, arrive()];
    });
    expect(got).toEqual([
      ['late', 'expected'],
      ['late', 'expected'],
    ]);
  });

  test('[RDV-10] a million requests of as many identities: the table keeps its bound, the oldest lapse, memory stays', async () => {
    const bob = new Court(2);
    const { message, bytes } = new Court(3).request(bob);
    let n = 0;
    // What is measured is the authorizer, not the arithmetic of a million signatures: each letter is right, and from another peer.
    const hex = (): string => n.toString(16).padStart(64, '0');
    const relayed: SignedMessages = {
      ...bob.relayed,
      read: () => ({ message: { ...message, from: hex() }, bytes }),
      isGenuine: () => true,
      writeResponse: (_, request) => ({ message: { ...message, kind: 'response', nonce: hex().slice(32), request }, bytes }),
    };
    const authorizer = new Authorizer({ ...bob.authorizer.context, signedMessages: relayed });
    const counts: Record<string, number> = {};
    let displaced = 0;
    const flood = (upTo: number): Promise<number> => {
      while (n++ < upTo) {
        const { outcome } = authorizer.authorizeMessage(bytes, n / 1000);
        counts[outcome] = (counts[outcome] ?? 0) + 1;
        while (authorizer.pollLapsed(n / 1000)?.outcome === 'displaced') displaced++;
      }
      n--;
      return heldBytes();
    };
    const before = await flood(100_000);
    const growth = (await flood(1_000_000)) - before;
    expect({ counts, displaced, size: authorizer.expected.size }).toEqual({ counts: { stored: 1_000_000 }, displaced: 999_000, size: 1000 }); // prettier-ignore
    expect(growth / 2 ** 20).toBeLessThan(16); // Nine hundred thousand letters later.
  }, 60_000);
});

describe('rendezvous/authorizer: Hellos', () => {
  const pair = (): { alice: Court; bob: Court; nonce: string } => {
    const [alice, bob] = [new Court(1), new Court(2)];
    const result = bob.authorizer.authorizeMessage(alice.authorizer.request(bob.id, 0), 0);
    alice.authorizer.authorizeMessage(answerOf(result), 0);
    return { alice, bob, nonce: alice.authorizer.nonceFor(bob.id, 0)! };
  };
  const arrive = (at: Court, hello: Hello, now = 0): string => at.authorizer.authorizeArrival(hello, NO_EVIDENCE, now);

  test('[RDV-3] a nonce that was never issued, and one of another peer', () => {
    const { alice, bob, nonce } = pair();
    const mallory = new Court(3);
    expect(arrive(bob, alice.hello(bob, { nonce: 'a'.repeat(32) }))).toBe('unexpected');
    expect(arrive(bob, mallory.hello(bob, { nonce }))).toBe('unexpected');
    expect(arrive(bob, alice.hello(bob, { nonce, transport: 'tls', address: 'tls://192.0.2.1:1' }))).toBe('unexpected');
    expect(arrive(bob, alice.hello(bob, { nonce }))).toBe('expected');
  });

  test('[RDV-3] a Hello that comes after its expectation has lapsed is late', () => {
    const { alice, bob, nonce } = pair();
    expect([299_999, 300_000].map((now) => arrive(bob, alice.hello(bob, { nonce }), now))).toEqual(['expected', 'late']);
  });

  test('[RDV-3] a nonce has served once its peer was met: again only from who has lost what is connected here', () => {
    const { alice, bob, nonce } = pair();
    bob.authorizer.met(alice.id, 1);
    expect(arrive(bob, alice.hello(bob, { nonce }), 2)).toBe('late');
    bob.met.add(alice.id);
    expect(arrive(bob, alice.hello(bob, { nonce }), 2)).toBe('expected');
  });

  test('[RDV-9] without a nonce it is a newcomer, where newcomers are wanted; a client accepts no peer', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    expect(arrive(bob, alice.hello(bob, { to: undefined }))).toBe('newcomer');
    bob.wants = false;
    expect(arrive(bob, alice.hello(bob, { to: undefined }))).toBe('unwanted');
    bob.met.add(alice.id);
    expect(arrive(bob, alice.hello(bob))).toBe('newcomer'); // The hub decides between the two.
    bob.isClient = true;
    expect(arrive(bob, alice.hello(bob))).toBe('unwanted');
  });

  test('[RDV-10] a Hello for another node, or from oneself', () => {
    const [alice, bob, carol] = [new Court(1), new Court(2), new Court(3)];
    expect(arrive(carol, alice.hello(bob))).toBe('misdirected');
    expect(arrive(bob, bob.hello(bob, { to: undefined }))).toBe('misdirected');
  });

  test('[RDV-4] the address is evidence: one that was not announced, one of another peer, or our own', () => {
    const { alice, bob, nonce } = pair();
    const carol = new Court(3);
    expect(arrive(bob, alice.hello(bob, { nonce, address: 'tcp://192.0.2.9:1' }))).toBe('address-mismatch');
    bob.owners.set(carol.address, carol.id);
    expect(arrive(bob, alice.hello(bob, { address: carol.address }))).toBe('address-mismatch');
    expect(arrive(bob, carol.hello(bob))).toBe('newcomer');
    expect(arrive(bob, alice.hello(bob, { address: bob.address }))).toBe('address-mismatch');
    expect(arrive(bob, alice.hello(bob, { nonce, address: '' }))).toBe('expected');
    expect(bob.authorizer.authorizeAnswer(alice.hello(bob, { address: 'tcp://192.0.2.9:1' }), NO_EVIDENCE, 0)).toBe(
      'address-mismatch',
    );
    expect(bob.authorizer.authorizeAnswer(alice.hello(bob), NO_EVIDENCE, 0)).toBeUndefined();
  });

  test('[RDV-4] a certificate that is vouched for must be the one that is shown; who vouches for its own wants the same of others', () => {
    const [alice, bob] = [new Court(1), new Court(2)];
    const [certificate, other] = ['c'.repeat(64), 'd'.repeat(64)];
    const shown = (hello: Partial<Hello>, evidence: string | undefined): string =>
      bob.authorizer.authorizeArrival(alice.hello(bob, hello), { certificate: evidence }, 0);
    expect([shown({ certificate }, certificate), shown({ certificate }, other), shown({ certificate }, undefined)]).toEqual([
      'newcomer',
      'identity-mismatch',
      'identity-mismatch',
    ]);
    expect(shown({}, other)).toBe('newcomer');
    bob.certificate = 'e'.repeat(64);
    expect([shown({}, other), shown({ certificate }, certificate)]).toEqual(['identity-mismatch', 'newcomer']);
  });
});
