import { fromHex } from '../../adapters/bytes.js';
import { nodeMessageCodec } from '../../adapters/rendezvous/index.js';
import type { RendezvousNode } from '../../adapters/rendezvous/index.js';
import type { Hello, ContactInfo } from '../../machines/rendezvous/rendezvous.messages.js';
import { Hosts, Liar, NOTHING } from './hosts.js';

let hosts: Hosts;
let node: RendezvousNode;
beforeEach(() => {
  hosts = new Hosts();
  node = hosts.start('node');
});
afterEach(async () => expect(await hosts.end()).toEqual(NOTHING));

const liar = (name = 'liar'): Liar => new Liar(hosts, name);
const about = (by: Liar, to: string, change: Partial<ContactInfo> = {}): ContactInfo => ({
  from: by.id,
  to,
  nonce: Buffer.from(hosts.random.bytes(16)).toString('hex'),
  transport: 'sim',
  addresses: ['sim://liar:1'],
  isClient: false,
  certificate: undefined,
  ...change,
});
const counted = (...outcomes: (keyof RendezvousNode['counts'])[]): object =>
  Object.fromEntries(outcomes.map((outcome) => [outcome, node.counts[outcome] ?? 0]));

describe('rendezvous/hostile: at the listener', () => {
  test('[RDV-4] client hello, challenge, Hello, Hello, confirmation: only then is a peer connected', async () => {
    const visitor = await liar().dialIn('node');
    expect(node.engine.metrics().openings).toBe(1);
    await visitor.sayHello();
    expect([node.peers.length, node.phase]).toEqual([0, 'bootstrapping']);
    await visitor.sayHello({ confirmedYou: true });
    expect([node.peers.map(({ id }) => id), node.phase, node.table]).toEqual([[visitor.id], 'connected', [visitor.id]]);
    expect(counted('newcomer')).toEqual({ newcomer: 1 });
  });

  test('[RDV-4] a message before the confirmation ends the wire, and is not delivered', async () => {
    const visitor = await liar().dialIn('node');
    await visitor.sayHello();
    await visitor.post(nodeMessageCodec.encode({ kind: 'data', payload: Uint8Array.of(1) }));
    expect([node.peers.length, visitor.cause !== undefined]).toEqual([0, true]);
  });

  test('[RDV-10] a forged Hello', async () => {
    const visitor = await (await liar().dialIn('node')).sayHello({ from: 'b'.repeat(64) });
    expect([visitor.result, counted('forged'), node.peers.length]).toEqual(['identity-mismatch', { forged: 1 }, 0]);
  });

  test('[RDV-10] a forged confirmation after a good Hello', async () => {
    const visitor = await (await liar().dialIn('node')).sayHello();
    const frame = visitor.codec.writeHello(visitor.hello({ confirmedYou: true }), visitor.talk);
    frame[frame.length - 1]! ^= 1;
    await visitor.say(frame);
    expect([counted('forged'), node.peers.length, node.engine.metrics().connections]).toEqual([{ forged: 1 }, 0, 0]);
  });

  test('[RDV-10] a Hello replayed on another connection, to the same node and to another', async () => {
    const other = hosts.start('other');
    const visitor = await liar().join('node');
    expect(node.peers.length).toBe(1);
    const said = visitor.codec.writeHello(visitor.hello(), visitor.talk);
    const thief = await (await liar('thief').dialIn('node')).say(said);
    const elsewhere = await (await liar('thief 2').dialIn('other')).say(said);
    expect([thief.result, elsewhere.result]).toEqual(['identity-mismatch', 'identity-mismatch']);
    expect([node.counts.replayed, other.counts.replayed]).toEqual([1, 1]);
    expect([node.peers.length, other.peers.length]).toEqual([1, 0]); // Who was there stays.
    expect(visitor.cause).toBeUndefined();
  });

  test('[RDV-3] a Hello with a nonce that was never issued', async () => {
    const visitor = await (await liar().dialIn('node')).sayHello({ nonce: 'a'.repeat(32) });
    expect([visitor.result, counted('unexpected', 'newcomer')]).toEqual(['identity-unknown', { unexpected: 1, newcomer: 0 }]);
  });

  test('[RDV-3] a late Hello gets that reason, and one in time is expected', async () => {
    await hosts.end();
    hosts = new Hosts(2);
    const signedMessages: Uint8Array[] = [];
    node = hosts.start('node', { signaling: { send: (_, signed) => signedMessages.push(signed) }, limits: { expectationLifeMs: 5000, awaitTimeoutMs: 60_000, dialTimeoutMs: 60_000 } }); // prettier-ignore
    await hosts.live(1);
    const visitor = liar();
    const far = about(visitor, node.id, { addresses: [], isClient: true });
    expect(node.receive(visitor.codec.writeRequest(far).bytes)).toBe('stored');
    const { nonce } = visitor.codec.read(signedMessages[0]!)!.message;
    await hosts.live(4900);
    const punctual = await (await liar('2').dialIn('node')).say(); // Somebody else's wire makes no difference.
    await visitor.dialIn('node');
    await visitor.sayHello({ nonce, isClient: true });
    expect(counted('expected', 'late')).toEqual({ expected: 1, late: 0 });
    await hosts.live(100);
    const late = new Liar(hosts, 'late', visitor.key);
    await (await late.dialIn('node')).sayHello({ nonce, isClient: true });
    expect([late.result, counted('expected', 'late')]).toEqual(['identity-unknown', { expected: 1, late: 1 }]);
    expect(punctual.cause).toBeUndefined();
  });

  test('[RDV-3] an unknown that never says Hello, or nothing at all, is gone after its time', async () => {
    const mute = await liar().dialIn('node', new Uint8Array(0));
    const shy = await liar('shy').dialIn('node');
    await hosts.live(59_000);
    expect([node.engine.metrics().openings, counted('silent')]).toEqual([2, { silent: 0 }]);
    await hosts.live(1100);
    expect([node.engine.metrics().openings, counted('silent')]).toEqual([0, { silent: 2 }]);
    expect([mute.cause, shy.cause].every((cause) => cause !== undefined)).toBe(true);
  });

  test('[RDV-6] one that says Hello and never confirms is gone after its time, and leaves nothing', async () => {
    await (await liar().dialIn('node')).sayHello();
    await hosts.live(59_900);
    expect(node.engine.metrics().connections).toBe(1);
    await hosts.live(300);
    expect([node.engine.metrics().connections, node.peers.length]).toEqual([0, 0]);
  });

  test("[RDV-4] a Hello with another's address, and with the node's own", async () => {
    const honest = await liar('honest').join('node', { address: 'sim://honest:1' });
    const visitor = await (await liar().dialIn('node')).sayHello({ address: 'sim://honest:1' });
    const mirror = await (await liar('mirror').dialIn('node')).sayHello({ address: 'sim://node:1' });
    await visitor.sayHello({ address: 'sim://honest:1', confirmedYou: true });
    await mirror.sayHello({ address: 'sim://node:1', confirmedYou: true });
    // Both are let in, without the address: it is not theirs to have.
    expect(counted('address-mismatch', 'claim-dropped')).toEqual({ 'address-mismatch': 0, 'claim-dropped': 2 });
    expect(node.peers.map(({ id, address }) => [id, address])).toEqual([
      [honest.id, 'sim://honest:1'],
      [visitor.id, ''],
      [mirror.id, ''],
    ]);
    // Whose it was may come back with it.
    honest.wire!.destroy();
    await hosts.live(100);
    await liar('again').join('node', { address: 'sim://honest:1' });
    expect(node.peers.map(({ address }) => address)).toEqual(['', '', 'sim://honest:1']);
  });

  test('[RDV-4] a Hello to another node, from the node itself, of no version, and with a certificate it can not show', async () => {
    const said: [Partial<Hello>, string][] = [
      [{ to: 'c'.repeat(64) }, 'misdirected'],
      [{ certificate: 'd'.repeat(64) }, 'identity-mismatch'],
      [{ confirmedYou: true }, 'malformed'],
    ];
    for (const [change, outcome] of said) {
      await (await liar(outcome).dialIn('node')).sayHello(change);
      expect([outcome, node.counts[outcome as 'malformed']]).toEqual([outcome, 1]);
    }
    const dialIn = liar().codec.writeClientHello(new Uint8Array(32));
    dialIn.set([2, 9], 9);
    const tomorrow = await liar('tomorrow').dialIn('node', dialIn);
    expect([tomorrow.result, counted('version-unsupported')]).toEqual(['version-unsupported', { 'version-unsupported': 1 }]);
    const itself = new Liar(hosts, 'itself', hosts.keys(1)[0]);
    await (await itself.dialIn('node')).sayHello({ from: node.id });
    expect(counted('forged')).toEqual({ forged: 1 });
  });

  test('[RDV-10] noise: cut off, oversized, endless and senseless first words', async () => {
    const dialIn = liar().codec.writeClientHello(new Uint8Array(32));
    const noises: Uint8Array[] = [
      Uint8Array.from({ length: 300 }, (_, i) => i),
      dialIn.subarray(0, 20),
      new Uint8Array([...dialIn, ...fromHex('ffffffff12')]),
      new Uint8Array([...dialIn, ...new Uint8Array(3000).fill(0x80)]),
      new Uint8Array([...dialIn, ...dialIn]),
      new Uint8Array([...dialIn, ...fromHex('8000000212'), ...new Uint8Array(40)]),
    ];
    for (const [i, noise] of noises.entries()) await liar(`noise ${i}`).dialIn('node', noise);
    await hosts.live(61_000);
    expect([node.engine.metrics().openings, node.peers.length, node.phase]).toEqual([0, 0, 'bootstrapping']);
    expect(node.counts.malformed).toBeGreaterThanOrEqual(3);
  });

  test('[RDV-7] a banned peer stays out for its time, connected or not', async () => {
    await hosts.end();
    hosts = new Hosts(3);
    node = hosts.start('node', { limits: { banMs: 5000 } });
    const visitor = await liar().join('node');
    node.ban(visitor.id);
    expect([node.peers.length, node.phase]).toEqual([0, 'bootstrapping']); // At once.
    await hosts.live(3100);
    expect([node.peers.length, visitor.cause !== undefined, (await node.meet(visitor.id)).outcome]).toEqual([0, true, 'banned']);
    const again = await new Liar(hosts, 'again', visitor.key).join('node');
    expect([again.result, counted('banned')]).toEqual(['identity-unknown', { banned: 1 }]);
    await hosts.live(2000);
    await new Liar(hosts, 'later', visitor.key).join('node');
    expect(node.peers.length).toBe(1);
  });
});

describe('rendezvous/hostile: letters over connections', () => {
  const signed = (to: string, bytes: Uint8Array): Uint8Array => nodeMessageCodec.encode({ kind: 'message', to, message: bytes });

  test('[RDV-12] a relay hands on what its peer has signed itself, to whom it is for; what is unroutable comes back', async () => {
    const visitor = await liar().join('node');
    const friend = await liar('friend').join('node');
    await visitor.post(signed(friend.id, visitor.codec.writeRequest(about(visitor, friend.id)).bytes));
    expect(counted('relayed')).toEqual({ relayed: 1 });
    const got = nodeMessageCodec.decode(friend.heard.at(-1)!.subarray(4));
    expect(got).toMatchObject({ kind: 'message', to: friend.id });
    const none = 'e'.repeat(64);
    await visitor.post(signed(none, visitor.codec.writeRequest(about(visitor, none)).bytes));
    expect(nodeMessageCodec.decode(visitor.heard.at(-1)!.subarray(4))).toEqual({ kind: 'unroutable', to: none });
    // Somebody else's letter is none of its business, and is not held against it.
    await visitor.post(signed(friend.id, friend.codec.writeRequest(about(friend, friend.id)).bytes));
    expect([counted('misdirected'), node.peers.length]).toEqual([{ misdirected: 1 }, 2]);
  });

  test('[RDV-12] who hands on what is forged, or no letter at all, is sent away for it', async () => {
    const friend = await liar('friend').join('node');
    const forged = (by: Liar, to: string): Uint8Array => {
      const { bytes } = by.codec.writeRequest(about(by, to));
      bytes[bytes.length - 1]! ^= 1;
      return signed(to, bytes);
    };
    const cases: [string, (by: Liar) => Uint8Array][] = [
      ['forged', (by) => forged(by, node.id)],
      ['forged', (by) => forged(by, friend.id)],
      ['malformed', () => signed(node.id, Uint8Array.of(1, 1, 2, 3))],
      ['malformed', () => signed(friend.id, Uint8Array.of(1, 1, 2, 3))],
      ['malformed', () => Uint8Array.of(77)],
    ];
    for (const [i, [outcome, words]] of cases.entries()) {
      const visitor = await liar(`liar ${i}`).join('node');
      const before = node.counts[outcome as 'forged'] ?? 0;
      await visitor.post(words(visitor));
      expect([i, node.counts[outcome as 'forged'], node.peer(visitor.id)]).toEqual([i, before + 1, undefined]);
      await visitor.post(words(visitor)); // To nobody.
      await hosts.live(3100);
      expect([i, node.counts[outcome as 'forged'], visitor.cause !== undefined]).toEqual([i, before + 1, true]);
    }
    expect(node.peers.map(({ id }) => id)).toEqual([friend.id]);
  });

  test('[RDV-12] letters beyond the budget of a connection are not read', async () => {
    const visitor = await liar().join('node');
    const posts = Array.from({ length: 130 }, () => signed(node.id, visitor.codec.writeRequest(about(visitor, node.id)).bytes));
    for (const bytes of posts) {
      const frame = new Uint8Array(4 + bytes.length);
      frame.set([0, 0, bytes.length >> 8, bytes.length & 255]);
      frame.set(bytes, 4);
      visitor.wire!.send(frame);
    }
    await hosts.live(5);
    expect(node.counts['rate-limited']).toBeGreaterThanOrEqual(25);
    expect((node.counts.stored ?? 0) + (node.counts.repeated ?? 0)).toBeLessThanOrEqual(105);
    expect([node.counts.stored, node.peers.length]).toEqual([1, 1]);
  });

  test('[RDV-11] introductions that were not asked for are ignored, and those that were come to few at a time', async () => {
    const visitor = await liar().join('node');
    const ids = Array.from({ length: 64 }, (_, i) => i.toString(16).padStart(64, 'a'));
    await visitor.post(nodeMessageCodec.encode({ kind: 'known', ids })); // It was asked when it came.
    expect(counted('asked')).toEqual({ asked: 7 }); // Eight are wanted, and it is one of them.
    await visitor.post(nodeMessageCodec.encode({ kind: 'known', ids }));
    expect(counted('asked', 'unwanted')).toEqual({ asked: 7, unwanted: 1 });
    expect(node.sizes.pending).toBe(7);
  });

  test('[RDV-10] an application that throws when it is asked has said no, and harms nothing', async () => {
    await hosts.end();
    hosts = new Hosts(4);
    node = hosts.start('node', {
      wants: () => {
        throw new Error('mine');
      },
    });
    const visitor = await liar().dialIn('node');
    visitor.wire!.send(visitor.codec.writeHello(visitor.hello(), visitor.talk));
    await expect(hosts.live(20)).rejects.toThrow('mine'); // On a stack of its own.
    await hosts.live(20);
    expect([visitor.result, counted('unwanted')]).toEqual(['limit-reached', { unwanted: 1 }]);
  });
});
