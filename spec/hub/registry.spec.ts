import fc from 'fast-check';
import { Registry, type ConnectionKey, type RegistryEntry } from '../../machines/hub/registry.js';
import { crossing, keeps, type Role, type TieRule } from '../../machines/tie-break.js';

const pool = (peer: string, label = ''): ConnectionKey => ({ protocol: 'pool', peer, label });
const roles: readonly Role[] = ['dialer', 'acceptor'];

function added(registry: Registry<string>, key: ConnectionKey, role: Role = 'dialer', value = key.peer): RegistryEntry<string> {
  const entry = registry.add(key, role, value);
  if (typeof entry === 'string') throw new Error(entry);
  return entry;
}

describe('hub/registry: one connection per key', () => {
  test('the first to ask holds the key, later ones find it', () => {
    const registry = new Registry<string>();
    const entry = added(registry, pool('b'));
    expect(registry.add(pool('b'), 'acceptor', 'second')).toBe('held');
    expect(registry.find(pool('b'))).toBe(entry);
    expect(registry.get(entry.id)).toBe(entry);
    expect(registry.size).toBe(1);
  });

  test('protocol, peer and label are kept apart, whatever letters a peer chooses', () => {
    const registry = new Registry<string>();
    added(registry, { protocol: 'pool', peer: 'ab', label: 'c' });
    expect(registry.find({ protocol: 'pool', peer: 'a', label: 'bc' })).toBeUndefined();
    expect(registry.find({ protocol: 'poola', peer: 'b', label: 'c' })).toBeUndefined();
    expect(registry.find({ protocol: 'pool', peer: 'ab', label: '' })).toBeUndefined();
  });

  test('counts by protocol and by peer; a session counts for the identity its wire has proven', () => {
    const registry = new Registry<string>();
    const session = added(registry, { protocol: 'resume', peer: '', label: 'id1' });
    added(registry, { protocol: 'resume', peer: '', label: 'id2' });
    expect(registry.countOfPeer('resume', '')).toBe(0);
    registry.attribute(session.id, 'bob');
    expect([registry.countOf('resume'), registry.countOfPeer('resume', 'bob'), registry.countOfPeer('pool', 'bob')]).toEqual([
      2, 1, 0,
    ]);
    expect([...registry.ofPeer('resume', 'bob')]).toEqual([session]);
    expect(registry.find({ protocol: 'resume', peer: '', label: 'id1' })).toBe(session);
    registry.remove(session.id);
    expect([registry.countOf('resume'), registry.countOfPeer('resume', 'bob')]).toEqual([1, 0]);
  });
});

describe('hub/registry: simultaneous open', () => {
  test('the connection initiated by the higher identity wins', () => {
    expect(keeps('f9e8', 'a1b2', 'dialer')).toBe(true);
    expect(keeps('f9e8', 'a1b2', 'acceptor')).toBe(false);
    expect(keeps('a1b2', 'f9e8', 'acceptor')).toBe(true);
    expect(keeps('a1b2', 'f9e8', 'dialer')).toBe(false);
  });

  test('a connection to oneself is not kept, and both ends say so', () => {
    expect(roles.map((role) => keeps('a', 'a', role))).toEqual([false, false]);
  });

  test('both sides agree, in whatever order each sees the two connections', () => {
    for (const [a, b] of [
      ['a', 'b'],
      ['b', 'a'],
      ['0f', 'f0'],
    ] as const)
      for (const orderOfA of [0, 1])
        for (const orderOfB of [0, 1]) {
          // Connection 0 is dialed by a, connection 1 by b.
          const kept = (localId: string, remoteId: string, rolesHere: readonly Role[], first: number): number => {
            const second = 1 - first;
            const result = crossing({ rule: 'initiator', localId }, remoteId, rolesHere[first]!, rolesHere[second]!);
            return result === 'replace' ? second : first;
          };
          const atA = kept(a, b, ['dialer', 'acceptor'], orderOfA);
          const atB = kept(b, a, ['acceptor', 'dialer'], orderOfB);
          expect({ a, b, orderOfA, orderOfB, atA, atB }).toEqual({
            a,
            b,
            orderOfA,
            orderOfB,
            atA: a > b ? 0 : 1,
            atB: a > b ? 0 : 1,
          });
        }
  });

  test('under mostRecent exactly one side decides, for the newer, and the other waits', () => {
    for (const [current, candidate] of [
      ['dialer', 'acceptor'],
      ['acceptor', 'dialer'],
    ] as const) {
      expect(crossing({ rule: 'mostRecent', localId: 'z' }, 'a', current, candidate)).toBe('replace');
      expect(crossing({ rule: 'mostRecent', localId: 'a' }, 'z', current, candidate)).toBe('wait');
    }
  });

  test.each<TieRule>(['initiator', 'mostRecent'])('under %s a peer that dials again replaces its own connection', (rule) => {
    expect(crossing({ rule, localId: 'a' }, 'z', 'acceptor', 'acceptor')).toBe('replace');
    expect(crossing({ rule, localId: 'z' }, 'a', 'acceptor', 'acceptor')).toBe('replace');
    expect(crossing({ rule, localId: 'z' }, 'a', 'dialer', 'dialer')).toBe('keep');
  });
});

describe('hub/registry: identification', () => {
  test('an entry goes by its new key and by the URL that led to it', () => {
    const registry = new Registry<string>();
    const entry = added(registry, pool('tcp://h:1'));
    expect(registry.identify(entry.id, pool('bob'))).toBeUndefined();
    expect(registry.find(pool('bob'))).toBe(entry);
    expect(registry.find(pool('tcp://h:1'))).toBe(entry);
    expect([registry.countOfPeer('pool', 'bob'), registry.countOfPeer('pool', 'tcp://h:1'), registry.size]).toEqual([1, 0, 1]);
  });

  test('the connection identified last holds the key; the one before it is out, and all names lead to the newcomer', () => {
    const registry = new Registry<string>();
    const first = added(registry, pool('tcp://h:1'));
    const second = added(registry, pool('tcp://[::1]:1'));
    registry.identify(second.id, pool('bob'));
    expect(registry.identify(first.id, pool('bob'))).toBe(second);
    for (const name of ['bob', 'tcp://h:1', 'tcp://[::1]:1']) expect(registry.find(pool(name))).toBe(first);
    expect({ size: registry.size, of: registry.countOf('pool'), loser: registry.get(second.id) }).toEqual({ size: 1, of: 1 });
    registry.remove(first.id);
    for (const name of ['bob', 'tcp://h:1', 'tcp://[::1]:1']) expect(registry.find(pool(name))).toBeUndefined();
  });

  test('one that gives way is out, its address leads to the winner, and the winner goes by its key as before', () => {
    const registry = new Registry<string>();
    const dialed = added(registry, pool('tcp://h:1'), 'dialer');
    const accepted = added(registry, pool('bob'), 'acceptor');
    registry.yieldTo(dialed.id, accepted.id);
    for (const name of ['bob', 'tcp://h:1']) expect(registry.find(pool(name))).toBe(accepted);
    expect([accepted.key.peer, registry.size, registry.countOfPeer('pool', 'bob'), registry.get(dialed.id)]).toEqual([
      'bob',
      1,
      1,
      undefined,
    ]);
  });

  test('names of one entry are bounded; its present key is never the one forgotten', () => {
    const registry = new Registry<string>();
    const winner = added(registry, pool('bob'));
    for (let i = 0; i < 40; i++) registry.yieldTo(added(registry, pool(`url${i}`)).id, winner.id);
    expect(registry.find(pool('bob'))).toBe(winner);
    const alive = Array.from({ length: 40 }, (_, i) => i).filter((i) => registry.find(pool(`url${i}`)) !== undefined);
    expect(alive).toEqual([33, 34, 35, 36, 37, 38, 39]);
  });
});

test('hub/registry: whatever is added, identified and removed, it answers like a plain list', () => {
  const peers = ['a', 'b', 'x', 'y'];
  const urls = ['u1', 'u2', 'u3'];
  const deed = fc.record({
    what: fc.constantFrom('add', 'incoming', 'identify', 'yield', 'remove'),
    url: fc.constantFrom(...urls),
    peer: fc.constantFrom(...peers),
    pick: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 100 }), (deeds) => {
      const registry = new Registry<string>();
      let model: { id: number; role: Role; peer: string; names: Set<string> }[] = [];
      const merge = (winner: (typeof model)[number], loser: (typeof model)[number] | undefined): void => {
        for (const name of loser?.names ?? []) winner.names.add(name);
        model = model.filter((other) => other !== loser);
      };
      const holder = (name: string) => model.find((row) => row.names.has(name));
      for (const { what, url, peer, pick } of deeds) {
        const row = model[pick % Math.max(1, model.length)];
        if (what === 'add' || what === 'incoming') {
          const [name, role] = what === 'add' ? ([url, 'dialer'] as const) : ([peer, 'acceptor'] as const);
          const entry = registry.add(pool(name), role, '');
          expect(typeof entry === 'string' ? entry : 'new').toBe(holder(name) ? 'held' : 'new');
          if (typeof entry !== 'string') model.push({ id: entry.id, role, peer: name, names: new Set([name]) });
        } else if (row !== undefined && what === 'remove') {
          registry.remove(row.id);
          model = model.filter((other) => other !== row);
        } else if (row !== undefined && (urls.includes(row.peer) || row.peer === peer)) {
          const current = holder(peer);
          if (what === 'identify' || current === undefined || current === row) {
            expect(registry.identify(row.id, pool(peer))?.id).toBe(current === row ? undefined : current?.id);
            merge(row, current === row ? undefined : current);
            row.names.add((row.peer = peer));
          } else {
            registry.yieldTo(row.id, current.id);
            merge(current, row);
          }
        }
        expect(registry.size).toBe(model.length);
        expect(registry.countOf('pool')).toBe(model.length);
        for (const name of [...peers, ...urls]) {
          expect({ name, id: registry.find(pool(name))?.id }).toEqual({ name, id: holder(name)?.id });
          expect(registry.countOfPeer('pool', name)).toBe(model.filter((other) => other.peer === name).length);
        }
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});
