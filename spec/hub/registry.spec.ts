import fc from 'fast-check';
import {
  Registry,
  crossing,
  keeps,
  type ConnectionKey,
  type Entry,
  type Role,
  type TieRule,
} from '../../machines/hub/registry.js';

const pool = (peer: string, label = ''): ConnectionKey => ({ protocol: 'pool', peer, label });
const ties = { rule: 'initiator', localId: 'm' } as const;
const roles: readonly Role[] = ['dialer', 'acceptor'];

function added(registry: Registry<string>, key: ConnectionKey, role: Role = 'dialer', value = key.peer): Entry<string> {
  const entry = registry.add(key, role, value);
  if (typeof entry === 'string') throw new Error(entry);
  return entry;
}

describe('one connection per key', () => {
  test('the first to ask holds the key, everybody after finds it', () => {
    const registry = new Registry<string>(10);
    const entry = added(registry, pool('b'));
    expect(registry.add(pool('b'), 'acceptor', 'second')).toBe('held');
    expect(registry.find(pool('b'))).toBe(entry);
    expect(registry.get(entry.id)).toBe(entry);
    expect(registry.size).toBe(1);
  });

  test('protocol, peer and label are kept apart, whatever letters a peer chooses', () => {
    const registry = new Registry<string>(10);
    added(registry, { protocol: 'pool', peer: 'ab', label: 'c' });
    expect(registry.find({ protocol: 'pool', peer: 'a', label: 'bc' })).toBeUndefined();
    expect(registry.find({ protocol: 'poola', peer: 'b', label: 'c' })).toBeUndefined();
    expect(registry.find({ protocol: 'pool', peer: 'ab', label: '' })).toBeUndefined();
  });

  test('a full registry says so, and has room again after a removal', () => {
    const registry = new Registry<string>(2);
    const first = added(registry, pool('a'));
    added(registry, pool('b'));
    expect(registry.add(pool('c'), 'dialer', '')).toBe('full');
    expect(registry.remove(first.id)).toBe(first);
    expect(registry.remove(first.id)).toBeUndefined();
    expect(added(registry, pool('c')).id).not.toBe(first.id);
  });

  test('counts by protocol and by peer; a session counts for the identity its wire has proven', () => {
    const registry = new Registry<string>(10);
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

describe('simultaneous open', () => {
  test('the connection initiated by the higher identity wins', () => {
    expect(keeps('f9e8', 'a1b2', 'dialer')).toBe(true);
    expect(keeps('f9e8', 'a1b2', 'acceptor')).toBe(false);
    expect(keeps('a1b2', 'f9e8', 'acceptor')).toBe(true);
    expect(keeps('a1b2', 'f9e8', 'dialer')).toBe(false);
  });

  test('nobody keeps a connection to oneself, and both ends say so', () => {
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
            const verdict = crossing({ rule: 'initiator', localId }, remoteId, rolesHere[first]!, rolesHere[second]!);
            return verdict === 'replace' ? second : first;
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

describe('identification', () => {
  test('an entry goes by its new key and by the URL that led to it', () => {
    const registry = new Registry<string>(10);
    const entry = added(registry, pool('tcp://h:1'));
    expect(registry.identify(entry.id, pool('bob'), ties)).toEqual({ verdict: 'alone', entry });
    expect(registry.find(pool('bob'))).toBe(entry);
    expect(registry.find(pool('tcp://h:1'))).toBe(entry);
    expect([registry.countOfPeer('pool', 'bob'), registry.countOfPeer('pool', 'tcp://h:1'), registry.size]).toEqual([1, 0, 1]);
  });

  test('two URLs that turn out to be one peer merge: the one identified first wins, all names lead to it', () => {
    const registry = new Registry<string>(10);
    const first = added(registry, pool('tcp://h:1'));
    const second = added(registry, pool('tcp://[::1]:1'));
    registry.identify(second.id, pool('bob'), ties);
    expect(registry.identify(first.id, pool('bob'), ties)).toEqual({ verdict: 'merged', winner: second, loser: first });
    for (const name of ['bob', 'tcp://h:1', 'tcp://[::1]:1']) expect(registry.find(pool(name))).toBe(second);
    expect({ size: registry.size, of: registry.countOf('pool'), loser: registry.get(first.id) }).toEqual({ size: 1, of: 1 });
    registry.remove(second.id);
    for (const name of ['bob', 'tcp://h:1', 'tcp://[::1]:1']) expect(registry.find(pool(name))).toBeUndefined();
  });

  test.each([
    ['a', 'own dial to a lower peer wins', 'dialed'],
    ['z', 'own dial to a higher peer loses', 'accepted'],
  ])('a dial that meets an incoming connection of %s: %s', (peer, _, expected) => {
    const registry = new Registry<string>(10);
    const dialed = added(registry, pool('tcp://h:1'), 'dialer', 'dialed');
    const accepted = added(registry, pool(peer), 'acceptor', 'accepted');
    const merged = registry.identify(dialed.id, pool(peer), ties);
    expect(merged.verdict === 'merged' && merged.winner.value).toBe(expected);
    expect(registry.find(pool(peer))?.value).toBe(expected);
    expect(registry.find(pool('tcp://h:1'))?.value).toBe(expected);
    expect([...registry.values()].map((entry) => entry.value)).toEqual([expected]);
    expect(accepted.key.peer).toBe(peer);
  });

  test('where the peer decides, nothing changes until it has', () => {
    const registry = new Registry<string>(10);
    const dialed = added(registry, pool('url'));
    const accepted = added(registry, pool('z'), 'acceptor');
    const patient = { rule: 'mostRecent', localId: 'm' } as const;
    expect(registry.identify(dialed.id, pool('z'), patient)).toEqual({ verdict: 'wait', current: accepted });
    expect(registry.size).toBe(2);
    registry.remove(accepted.id);
    expect(registry.identify(dialed.id, pool('z'), patient).verdict).toBe('alone');
  });

  test('names of one entry are bounded; its present key is never the one forgotten', () => {
    const registry = new Registry<string>(100);
    const winner = added(registry, pool('bob'));
    for (let i = 0; i < 40; i++) registry.identify(added(registry, pool(`url${i}`)).id, pool('bob'), ties);
    expect(registry.find(pool('bob'))).toBe(winner);
    const alive = Array.from({ length: 40 }, (_, i) => i).filter((i) => registry.find(pool(`url${i}`)) !== undefined);
    expect(alive).toEqual([33, 34, 35, 36, 37, 38, 39]);
  });
});

test('whatever is added, identified and removed, it answers like a plain list', () => {
  const peers = ['a', 'b', 'x', 'y'];
  const urls = ['u1', 'u2', 'u3'];
  const deed = fc.record({
    what: fc.constantFrom('add', 'incoming', 'identify', 'remove'),
    url: fc.constantFrom(...urls),
    peer: fc.constantFrom(...peers),
    pick: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 100 }), (deeds) => {
      const registry = new Registry<string>(5);
      let model: { id: number; role: Role; peer: string; names: Set<string> }[] = [];
      const holder = (name: string) => model.find((row) => row.names.has(name));
      for (const { what, url, peer, pick } of deeds) {
        const row = model[pick % Math.max(1, model.length)];
        if (what === 'add' || what === 'incoming') {
          const [name, role] = what === 'add' ? ([url, 'dialer'] as const) : ([peer, 'acceptor'] as const);
          const entry = registry.add(pool(name), role, '');
          expect(typeof entry === 'string' ? entry : 'new').toBe(holder(name) ? 'held' : model.length >= 5 ? 'full' : 'new');
          if (typeof entry !== 'string') model.push({ id: entry.id, role, peer: name, names: new Set([name]) });
        } else if (row !== undefined && what === 'remove') {
          registry.remove(row.id);
          model = model.filter((other) => other !== row);
        } else if (row !== undefined && (urls.includes(row.peer) || row.peer === peer)) {
          const current = holder(peer);
          const { verdict } = registry.identify(row.id, pool(peer), ties);
          if (current === undefined || current === row) {
            expect(verdict).toBe('alone');
            row.names.add((row.peer = peer));
          } else {
            expect(verdict).toBe('merged');
            const wins = row.role !== current.role && keeps(ties.localId, peer, row.role);
            const [winner, loser] = wins ? [row, current] : [current, row];
            for (const name of [...loser.names, peer]) winner.names.add(name);
            winner.peer = peer;
            model = model.filter((other) => other !== loser);
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
