import { SeededRandom } from './random.js';

describe('simulation/random: seeded chance', () => {
  test('the same seed says the same, another seed something else', () => {
    const said = (seed: number): number[] => Array.from({ length: 20 }, new SeededRandom(seed).next);
    expect(said(7)).toEqual(said(7));
    expect(said(7)).not.toEqual(said(8));
    expect(said(7)).not.toEqual(said(7 + 2 ** 32));
  });

  test('it stays what it was: a seed written down today fails the same tomorrow', () => {
    const random = new SeededRandom(1);
    expect([random.uint32(), random.uint32(), random.split('network').uint32()]).toMatchInlineSnapshot(`
     [
       1052842865,
       3936417829,
       3456351376,
     ]
    `);
  });

  test('a stream has its name and not its place: another consumer shifts no other', () => {
    const one = new SeededRandom(42);
    const two = new SeededRandom(42);
    two.next();
    two.split('newcomer').bytes(100);
    expect(Array.from({ length: 5 }, one.split('network').next)).toEqual(Array.from({ length: 5 }, two.split('network').next));
    expect(one.split('a').split('b').next()).not.toBe(one.split('b').split('a').next());
    expect(one.split('a').next()).not.toBe(one.next());
  });

  test('neighbouring seeds and names have nothing in common', () => {
    const firsts = new Set<number>();
    for (let seed = 0; seed < 2000; seed++) firsts.add(new SeededRandom(seed).uint32());
    for (let n = 0; n < 2000; n++) firsts.add(new SeededRandom(1).split(`host-${n}`).uint32());
    expect(firsts.size).toBe(4000);
  });

  test('numbers are even: every value of a byte and of a die comes about as often', () => {
    const random = new SeededRandom(3);
    const bytes = new Array<number>(256).fill(0);
    for (const each of random.bytes(256_000)) bytes[each]!++;
    expect(Math.min(...bytes)).toBeGreaterThan(800);
    expect(Math.max(...bytes)).toBeLessThan(1200);
    const dice = new Array<number>(6).fill(0);
    for (let n = 0; n < 60_000; n++) dice[random.int(6)]!++;
    for (const each of dice) expect(Math.abs(each - 10_000)).toBeLessThan(500);
    let heads = 0;
    for (let n = 0; n < 10_000; n++) if (random.chance(0.25)) heads++;
    expect(Math.abs(heads - 2500)).toBeLessThan(200);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
  });

  test('picks, ranges and shuffles stay within what they were given', () => {
    const random = new SeededRandom(5);
    const all = [1, 2, 3, 4, 5, 6, 7];
    const picked = new Set<number>();
    for (let n = 0; n < 200; n++) {
      picked.add(random.pick(all));
      const between = random.between(-2, 3);
      expect(between >= -2 && between < 3).toBe(true);
    }
    expect([...picked].sort()).toEqual(all);
    const shuffled = random.shuffle(all);
    expect(shuffled).not.toEqual(all);
    expect([...shuffled].sort()).toEqual(all);
    expect(all).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(() => random.pick([])).toThrow(RangeError);
    for (const length of [0, 1, 2, 3, 4, 5, 16]) expect(random.bytes(length)).toHaveLength(length);
  });
});
