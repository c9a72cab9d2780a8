import { phaseTables } from '../machines/index.js';
import { knows, onUndeclaredStep, phaseTable, step, strictSteps, undeclaredSteps } from '../machines/phase-table.js';
import { expectUndeclaredSteps } from './strict-steps.js';

const listener = phaseTable('door', 'closed', {
  closed: { open: 'open', lock: 'locked' },
  open: { close: 'closed' },
  locked: { unlock: 'closed' },
});

describe('phase tables: a step', () => {
  test('leads where the table says', () => {
    expect(step(listener, 'closed', 'lock')).toBe('locked');
    expect([knows(listener, 'closed', 'lock'), knows(listener, 'open', 'lock')]).toEqual([true, false]);
  });

  test('that is not declared throws in tests, and names the table, the event and the phase', () => {
    expectUndeclaredSteps(1);
    expect(() => step(listener, 'locked', 'open')).toThrow('broken invariant: door: "open" is not declared while locked');
  });

  test('that is not declared leaves the phase in an application, is counted each time and reported once', () => {
    expectUndeclaredSteps(4);
    const heard: string[] = [];
    onUndeclaredStep((text) => heard.push(text));
    strictSteps(false);
    try {
      const before = undeclaredSteps();
      expect([1, 2, 3].map(() => step(listener, 'open', 'unlock'))).toEqual(['open', 'open', 'open']);
      expect(step(listener, 'open', 'lock')).toBe('open');
      expect(undeclaredSteps() - before).toBe(4);
      expect(heard).toEqual(['door: "unlock" is not declared while open', 'door: "lock" is not declared while open']);
    } finally {
      strictSteps(true);
    }
  });

  test('of another table, or to a phase that is not there, does not compile', () => {
    // @ts-expect-error No such event.
    expect(knows(listener, 'open', 'paint')).toBe(false);
    // @ts-expect-error No such phase to go to.
    expect(phaseTable('x', 'a', { a: { go: 'b' } }).initial).toBe('a');
    // @ts-expect-error No such phase to begin in.
    expect(phaseTable('x', 'b', { a: { go: 'a' } }).initial).toBe('b');
  });
});

type Row = Readonly<Record<string, string>>;

describe('phase tables: those of the planes and wires', () => {
  test('are these steps; what runs on the path of data changes here first', () => {
    const text = phaseTables.map(({ name, initial, steps }) => {
      const rows = Object.entries(steps).map(([phase, row]) => {
        const byTarget = new Map<string, string[]>();
        for (const [event, to] of Object.entries(row as Row)) byTarget.set(to, [...(byTarget.get(to) ?? []), event]);
        const ways = [...byTarget].map(([to, events]) =>
          to === phase ? `(${events.join(' ')})` : `${events.join(' ')} > ${to}`,
        );
        return `  ${phase}: ${ways.join(', ')}`.trimEnd();
      });
      return [`${name} from ${initial}`, ...rows].join('\n');
    });
    expect(`\n${text.join('\n')}\n`).toBe(FROZEN);
  });

  test('have names of their own, and reach every phase from the first', () => {
    expect(new Set(phaseTables.map(({ name }) => name)).size).toBe(phaseTables.length);
    const lost = phaseTables.flatMap(({ name, initial, steps }) => {
      const reached = new Set<string>([initial, ...(ALSO_FIRST[name] ?? [])]);
      for (const phase of reached) for (const to of Object.values(steps[phase] as Row)) reached.add(to);
      return Object.keys(steps).flatMap((phase) => (reached.has(phase) ? [] : [`${name}: ${phase}`]));
    });
    expect(lost).toEqual([]);
  });
});

/** A stream that the peer has opened begins there. */
const ALSO_FIRST: Readonly<Record<string, readonly string[]>> = { stream: ['asked'] };

const FROZEN = `
wire from attempt
  attempt: open > open, (fail), end > closed
  open: close fail > ending, hold > emptying, end > closed
  emptying: close fail > ending, end > closed
  ending: (fail), end > closed
  closed: (fail)
liveness from off
  off: start > idle, (stop)
  idle: (start receive), expire > probing, thaw ask > waking, stop > off
  probing: start receive > idle, expire > final-read, thaw ask > waking, stop > off
  waking: start receive > idle, expire > final-read, (thaw), stop > off
  final-read: start receive > idle, expire stop > off, thaw > waking
sending from taking
  taking: drain > draining, close > closed
  draining: (drain), empty > drained, close > closed
  drained: (drain), close > closed
  closed: (drain close)
resume-input from nothing
  nothing: (rewire ignore), hello > hello
  hello: rewire ignore > nothing, answer > control
  control: rewire ignore > nothing, open > everything
  everything: rewire ignore > nothing
pool-input from nothing
  nothing: hello > hello, open > everything, (ignore)
  hello: answer > deciding, ignore > nothing
  deciding: open > everything, ignore > nothing
  everything: ignore > nothing
heartbeat from off
  off: start > beating, (stop)
  beating: (start pong excuse), expire > final-read, stop > off
  final-read: start pong excuse > beating, expire stop > off
ncp-session from idle
  idle: call > calling, establish > established, close > closing
  calling: establish > established, close > closing
  established: close > closing
  closing: (close)
tuna-wire from none
  none: open > opening, reserve > reserve, (end)
  opening: (open), join > joined, reserve > reserve, end > none
  joined: reserve > reserve, end > none
  reserve: open > opening, (reserve), end > none
stream from asking
  asking: answer > open
  asked: answer > open
  open:
stream-own from open
  open: end > ending, abandon > ended
  ending: sent abandon > ended
  ended: (abandon)
stream-peer from open
  open: end > ended, abandon > abandoned
  abandoned: end > ended
  ended: (abandon)
`;
