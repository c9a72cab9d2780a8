import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { framed } from '../../adapters/tuna/envelope.js';
import { putMetadata, readMetadata } from '../../adapters/tuna/metadata.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { nonces, SealedEnvelope, sealed, unsealed } from '../../adapters/tuna/sealing.js';
import { SeededRandom } from '../sim/random.js';

interface Vectors {
  readonly crypto: Readonly<Record<string, string>>;
  readonly sessionMetadata: Readonly<Record<string, string>>;
}
const vectors = JSON.parse(readFileSync(join(__dirname, '../vectors/tuna/ncp-vectors.json'), 'utf8')) as Vectors;
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const { crypto } = vectors;

for (const library of ['pure', 'native'] as const)
  test(`[TUNA-4] tuna/opening: boxes and frames are byte for byte those of the original, with the ${library} library`, async () => {
    const alice = await tunaIdentity(unhex(crypto['aliceSeed']!), { library });
    const bob = await tunaIdentity(unhex(crypto['bobSeed']!), { identifier: 'some.where', library });
    expect([alice.address, bob.address]).toEqual([crypto['alicePub'], `some.where.${crypto['bobPub']!}`]);
    const body = sealed(alice.boxWith(bob.address)!, unhex(crypto['nonce']!), Buffer.from(crypto['plaintext']!));
    expect(hex(body)).toBe(crypto['frameBody(nonce||box)']);
    expect(hex(framed(body))).toBe(crypto['tcpFrame']);
    expect(Buffer.from(unsealed(bob.boxWith(alice.address)!, body)!).toString()).toBe('hello');
    body[30]! ^= 1;
    expect(unsealed(bob.boxWith(alice.address)!, body)).toBeUndefined();
    expect(unsealed(bob.boxWith(alice.address)!, body.subarray(0, 39))).toBeUndefined();
    expect([alice.boxWith('nobody'), alice.boxWith(`x.${'f'.repeat(64)}`)]).toEqual([undefined, undefined]);
  });

test('[TUNA-4] tuna/opening: an envelope opens what another one sealed, and nothing else', async () => {
  const random = new SeededRandom(4);
  const [a, b] = [await tunaIdentity(random.bytes(32)), await tunaIdentity(random.bytes(32), { library: 'pure' })];
  const nonce = nonces(random.bytes);
  const ours = new SealedEnvelope(a.boxWith(b.address)!, nonce, 2000);
  const theirs = new SealedEnvelope(b.boxWith(a.address)!, nonce, 2000);
  for (const size of [0, 1, 40, 1300, 2000]) {
    const packet = random.bytes(size);
    const frame = new Uint8Array(3 + ours.before + size);
    frame.set(packet, 3 + ours.before);
    ours.seal(frame, 3, size);
    expect(ours.frameBytes(frame, 3)).toBe(frame.length - 3);
    expect(theirs.open(frame, 3, frame.length)).toBe(true);
    expect(hex(theirs.bytes.subarray(theirs.start, theirs.end))).toBe(hex(packet));
    frame[frame.length - 1]! ^= 0x80;
    expect(theirs.open(frame, 3, frame.length)).toBe(false);
  }
  expect(theirs.open(new Uint8Array(30), 0, 30)).toBe(false);
  expect(theirs.open(new Uint8Array(5000), 0, 5000)).toBe(false);
});

test('[TUNA-1] tuna/opening: metadata is that of the original; the number of a link and the window are where it does not look', () => {
  const id = unhex('0102030405060708');
  expect(hex(putMetadata({ id, type: 1 }))).toBe(vectors.sessionMetadata['TCP id=0102030405060708']);
  expect(readMetadata(unhex(vectors.sessionMetadata['UDP id=0102030405060708 dialerNknAddr=a.bb']!))).toEqual({ id, type: 2 });
  expect(readMetadata(putMetadata({ id, type: 1, link: 3 }))).toEqual({ id, type: 1, link: 3 });
  for (const windowMs of [0, 1, 127, 128, 60_000, 3_600_000])
    expect(readMetadata(putMetadata({ id, type: 1, link: 0, windowMs }))).toEqual({ id, type: 1, link: 0, windowMs });
  expect(readMetadata(putMetadata({ id, type: 1, windowMs: Infinity }))).toEqual({ id, type: 1, windowMs: 2 ** 31 });
  for (const wrong of ['', '1001', '0a03010203', '0a08010203', '0a08', '0bff', '10ffffffffffffffffffffff'])
    expect(readMetadata(unhex(wrong))).toBeUndefined();
});
