import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signedMessages, nodeMessageCodec, rendezvousFrames, signingWith } from '../../adapters/rendezvous/index.js';
import { fromHex, toHex } from '../../adapters/bytes.js';
import type { Hello, NodeMessage, SigningContext, ContactInfo } from '../../machines/rendezvous/rendezvous.messages.js';

/** The private key of TEST 1 in RFC 8032, 7.1, and of TEST 2. */
const pem = (seed: string): string =>
  `-----BEGIN PRIVATE KEY-----\n${Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64')}\n-----END PRIVATE KEY-----\n`;
const one = signingWith(pem('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'));
const two = signingWith(pem('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
const [alice, bob] = [signedMessages(one), signedMessages(two)];
const NONCE = '000102030405060708090a0b0c0d0e0f';
const fill = (from: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => from + i);

const asked: ContactInfo = {
  from: alice.id,
  to: bob.id,
  nonce: NONCE,
  transport: 'tcp',
  addresses: ['tcp://192.0.2.1:7000', 'tcp://[2001:db8::1]:7000'],
  isClient: false,
  certificate: toHex(fill(0x40)),
};
const request = alice.writeRequest(asked);
const bare = alice.writeRequest({ ...asked, addresses: [], isClient: true, certificate: undefined });
const back: ContactInfo = { ...asked, from: bob.id, to: alice.id, nonce: NONCE.replace(/^00/, 'ff'), addresses: ['tcp://192.0.2.2:7000'], certificate: undefined }; // prettier-ignore
const response = bob.writeResponse(back, request);
const talk: SigningContext = { dialerChallenge: fill(0x60), acceptorChallenge: fill(0x80), speaker: 'dialer' };
const hello: Hello = {
  from: alice.id,
  to: bob.id,
  nonce: back.nonce,
  transport: 'tcp',
  address: 'tcp://192.0.2.1:7000',
  isClient: false,
  certificate: undefined,
  confirmedYou: false,
};
const newcomer: Hello = { ...hello, to: undefined, nonce: undefined, address: '', isClient: true };
const answer: Hello = { ...hello, from: bob.id, to: alice.id, nonce: undefined, address: 'tcp://192.0.2.2:7000', confirmedYou: true }; // prettier-ignore

const VECTORS: Record<string, Uint8Array> = {
  request: request.bytes,
  'request-client': bare.bytes,
  response: response.bytes,
  'client-hello': alice.writeClientHello(talk.dialerChallenge),
  challenge: bob.writeChallenge(talk.acceptorChallenge),
  hello: alice.writeHello(hello, talk),
  'hello-newcomer': alice.writeHello(newcomer, talk),
  'hello-answer': bob.writeHello(answer, { ...talk, speaker: 'acceptor' }),
  'hello-confirm': alice.writeHello({ ...hello, confirmedYou: true }, talk),
  'post-data': nodeMessageCodec.encode({ kind: 'data', payload: Uint8Array.of(1, 2, 3) }),
  'post-message': nodeMessageCodec.encode({ kind: 'message', to: bob.id, message: Uint8Array.of(9) }),
  'post-unroutable': nodeMessageCodec.encode({ kind: 'unroutable', to: bob.id }),
  'post-who': nodeMessageCodec.encode({ kind: 'who' }),
  'post-known': nodeMessageCodec.encode({ kind: 'known', ids: [alice.id, bob.id] }),
};

describe('rendezvous/codec: bytes', () => {
  test('[RDV-8] the frozen vectors are what is written, and read as what was meant', () => {
    const lines = readFileSync(join(__dirname, '../vectors/rendezvous/frames.txt'), 'utf8').split('\n');
    const frozen = Object.fromEntries(lines.filter((line) => /^[a-z]/.test(line)).map((line) => line.split(' ')));
    expect(Object.fromEntries(Object.entries(VECTORS).map(([name, bytes]) => [name, toHex(bytes)]))).toEqual(frozen);
    expect(alice.read(fromHex(frozen['request']!))).toEqual(request);
    expect(alice.read(fromHex(frozen['request-client']!))).toEqual(bare);
    expect(alice.read(fromHex(frozen['response']!))).toEqual(response);
    const read = (name: string, speaker: SigningContext['speaker']): unknown => {
      const bytes = fromHex(frozen[name]!);
      return alice.readHello(bytes, 0, bytes.length, { ...talk, speaker });
    };
    expect(read('hello', 'dialer')).toEqual(hello);
    expect(read('hello-newcomer', 'dialer')).toEqual(newcomer);
    expect(read('hello-answer', 'acceptor')).toEqual(answer);
    expect(read('hello-confirm', 'dialer')).toEqual({ ...hello, confirmedYou: true });
    const [clientHello, challenge] = [fromHex(frozen['client-hello']!), fromHex(frozen['challenge']!)];
    expect(alice.readClientHello(clientHello, 0, clientHello.length)).toEqual({
      versionMin: 1,
      versionMax: 1,
      challenge: talk.dialerChallenge,
    });
    expect(alice.readChallenge(challenge, 0, challenge.length)).toEqual({ version: 1, id: bob.id, challenge: talk.acceptorChallenge }); // prettier-ignore
  });

  test('[RDV-8] signatures are Ed25519 as RFC 8032 has it', () => {
    expect(one.id).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    expect(two.id).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    const signature = 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'; // prettier-ignore
    expect(toHex(one.sign(new Uint8Array(0)))).toBe(signature);
    expect(two.verify(one.id, new Uint8Array(0), fromHex(signature))).toBe(true);
    expect(two.verify(two.id, new Uint8Array(0), fromHex(signature))).toBe(false);
    expect(two.verify('ff'.repeat(32), new Uint8Array(0), fromHex(signature))).toBe(false);
    expect(() => signingWith('nonsense')).toThrow("the node's key can't be read: expected an Ed25519 private key, PEM");
  });

  test('[RDV-8] one bit changed anywhere in a letter or a Hello is malformed or forged, and never something else', () => {
    const hellos = ['hello', 'hello-newcomer', 'hello-confirm'].map((name) => VECTORS[name]!);
    const passed: number[] = [];
    for (const sealed of [request, bare, response])
      for (let bit = 0; bit < sealed.bytes.length * 8; bit++) {
        const bytes = new Uint8Array(sealed.bytes);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const read = alice.read(bytes);
        if (read !== undefined && alice.isGenuine(read)) passed.push(bit);
      }
    for (const each of hellos)
      for (let bit = 40; bit < each.length * 8; bit++) {
        const bytes = new Uint8Array(each);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const read = bob.readHello(bytes, 0, bytes.length, talk);
        if (typeof read !== 'string') passed.push(bit);
      }
    expect(passed).toEqual([]);
  });

  test('[RDV-8] a signature serves for nothing else: not for the other kind, the other side, or another talk', () => {
    const frame = VECTORS['hello']!;
    const read = (of: Partial<SigningContext>): unknown => bob.readHello(frame, 0, frame.length, { ...talk, ...of });
    expect(read({})).toEqual(hello);
    expect(read({ dialerChallenge: fill(1) })).toBe('forged');
    expect(read({ acceptorChallenge: fill(1) })).toBe('replayed');
    expect(read({ speaker: 'acceptor' })).toBe('replayed'); // It echoes the wrong one.
    expect(read({ speaker: 'acceptor', dialerChallenge: talk.acceptorChallenge, acceptorChallenge: talk.dialerChallenge })).toBe('forged'); // prettier-ignore
    expect(alice.isGenuine(response)).toBe(true);
    expect(alice.isGenuine({ message: { ...response.message, kind: 'request' } as never, bytes: response.bytes })).toBe(false);
  });

  test('strict: cut short at any byte, or longer by one, nothing is read', () => {
    for (const { bytes } of [request, bare, response]) {
      for (let length = 0; length < bytes.length; length++)
        expect([length, alice.read(bytes.subarray(0, length))]).toEqual([length, undefined]);
      expect(alice.read(Uint8Array.of(...bytes, 0))).toBeUndefined();
    }
    for (const name of ['client-hello', 'challenge', 'hello', 'hello-newcomer'] as const) {
      const frame = VECTORS[name]!;
      const read = (end: number): unknown =>
        name === 'client-hello'
          ? alice.readClientHello(frame, 0, end)
          : name === 'challenge'
            ? alice.readChallenge(frame, 0, end)
            : alice.readHello(frame, 0, end, talk);
      for (let end = 5; end < frame.length; end++) expect([undefined, 'malformed', 'forged', 'replayed']).toContain(read(end));
    }
  });

  test('strict: each value has one spelling', () => {
    const refused: [string, Partial<ContactInfo>][] = [
      ['no nonce', { nonce: '0'.repeat(32) }],
      ['an address of another transport', { addresses: ['tls://192.0.2.1:1'] }],
      ['nothing behind the scheme', { addresses: ['tcp://'] }],
      ['the same address twice', { addresses: ['tcp://a:1', 'tcp://a:1'] }],
      ['five addresses', { addresses: [1, 2, 3, 4, 5].map((n) => `tcp://a:${n}`) }],
      ['a client with an address', { isClient: true }],
      ['a line break in an address', { addresses: ['tcp://a\n:1'] }],
      ['a space in an address', { addresses: ['tcp://a :1'] }],
      ['a transport in capitals', { transport: 'TCP', addresses: [] }],
      ['no transport', { transport: '', addresses: [] }],
    ];
    for (const [what, change] of refused)
      expect([what, alice.read(alice.writeRequest({ ...asked, ...change }).bytes)]).toEqual([what, undefined]);
    const odd = (change: Partial<Hello>): unknown => {
      const frame = alice.writeHello({ ...hello, ...change }, talk);
      return bob.readHello(frame, 0, frame.length, talk);
    };
    expect(odd({ address: 'tls://192.0.2.1:1' })).toBe('malformed');
    expect(odd({ isClient: true })).toBe('malformed');
    expect(alice.read(new Uint8Array(5000).fill(1))).toBeUndefined();
    // A response must embed a request, and no response.
    expect(bob.read(bob.writeResponse(back, response as never).bytes)).toBeUndefined();
  });

  test('whatever bytes come, reading throws nothing, and what is read writes the same bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.constantFrom(...Object.values(VECTORS)), fc.nat(), (noise, frame, at) => {
        const mixed = new Uint8Array(frame);
        mixed.set(noise.subarray(0, 8).subarray(0, Math.max(0, mixed.length - (at % mixed.length))), at % mixed.length);
        for (const bytes of [noise, mixed]) {
          expect(alice.read(bytes)?.bytes ?? bytes).toEqual(bytes);
          alice.readHello(bytes, 0, bytes.length, talk);
          alice.readClientHello(bytes, 0, bytes.length);
          alice.readChallenge(bytes, 0, bytes.length);
          const post = nodeMessageCodec.decode(bytes);
          if (post !== undefined) expect(nodeMessageCodec.encode(post)).toEqual(bytes);
        }
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test('posts: what is too long, too short or unknown is none', () => {
    const decode = (...bytes: number[]): NodeMessage | undefined => nodeMessageCodec.decode(Uint8Array.from(bytes));
    expect([decode(), decode(5), decode(3, 0), decode(2, 1), decode(4, 1)]).toEqual(Array(5).fill(undefined));
    expect(nodeMessageCodec.decode(new Uint8Array(1 + 65 * 32).fill(4))).toBeUndefined();
    expect(nodeMessageCodec.decode(new Uint8Array(33 + 4097).fill(1))).toBeUndefined();
    expect(nodeMessageCodec.decode(new Uint8Array(33).fill(1))).toBeUndefined();
    expect(decode(0)).toEqual({ kind: 'data', payload: new Uint8Array(0) });
  });

  test('a client hello is recognized by its first bytes, and nothing else is taken for one', () => {
    const clientHello = VECTORS['client-hello']!;
    for (let length = 0; length < 9; length++)
      expect(rendezvousFrames.looksLikeClientHello(clientHello.subarray(0, length))).toBeUndefined();
    expect(rendezvousFrames.looksLikeClientHello(clientHello)).toBe(true);
    for (let at = 0; at < 9; at++) {
      const other = new Uint8Array(clientHello);
      other[at]! ^= 0x40;
      expect([at, rendezvousFrames.looksLikeClientHello(other)]).toEqual([at, false]);
    }
  });
});

if (process.env['UPDATE'] === 'vectors')
  for (const [name, bytes] of Object.entries(VECTORS)) process.stdout.write(`${name} ${toHex(bytes)}\n`);
