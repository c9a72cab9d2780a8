import { setup, type AnyStateMachine } from 'xstate';
import * as machines from '../../machines/index.js';
import { chartsOf } from '../../visualizer/draw.js';
import { graphOf } from '../../visualizer/graph.js';
import { MERMAID_HEADER, mermaidOf } from '../../visualizer/mermaid.js';
import { complaintsAbout } from './mermaid-grammar.js';
import { sampleMachine } from './sample.js';

const textOf = (machine: AnyStateMachine): string => mermaidOf(graphOf(machine));
const linesOf = (machine: AnyStateMachine): readonly string[] =>
  textOf(machine)
    .split('\n')
    .map((line) => line.trim());

describe('visualizer/mermaid: a chart as Mermaid text', () => {
  const lines = linesOf(sampleMachine);

  test.each(Object.entries({ sample: sampleMachine, ...chartsOf(machines) }))('%s: every line is Mermaid', (_, machine) => {
    expect(complaintsAbout(textOf(machine))).toEqual([]);
  });

  test('is the same however often it is drawn, and says that it should not be edited', () => {
    expect(textOf(sampleMachine)).toBe(textOf(sampleMachine));
    expect(lines.slice(0, 2)).toEqual([MERMAID_HEADER, 'stateDiagram-v2']);
  });

  test('titles carry the rule and the standard’s name; what a state does stands inside it', () => {
    expect(lines).toContain('state "idle SME_STATE_IDLE [SMP-1]" as sample_idle');
    expect(lines.filter((line) => line.startsWith('sample_busy_work_asking :'))).toEqual([
      'sample_busy_work_asking : invoke / fetch',
      'sample_busy_work_asking : tags / flows',
      'sample_busy_work_asking : peer.said / count',
      'sample_busy_work_asking : lift → busy',
      'sample_busy_work_asking : tick is ignored',
    ]);
  });

  test('a state with states inside says it in a note, and so does a machine that handles events itself', () => {
    const noteOf = (id: string): readonly string[] => {
      const start = lines.indexOf(`note right of ${id}`) + 1;
      return lines.slice(start, lines.indexOf('end note', start));
    };
    expect(noteOf('sample_busy')).toEqual([
      'entry / openGate, tell(open)',
      'exit / closeGate',
      'invoke / wire',
      'stop → work.asking',
    ]);
    expect(noteOf('sample')).toEqual(['halt → closed / count', 'tick / count']);
  });

  test('arrows name event, guard and actions; events that do the same share one', () => {
    expect(lines).toEqual(
      expect.arrayContaining([
        '[*] --> sample_idle',
        'sample_idle --> sample_busy : go [isReady]',
        'sample_idle --> sample_failed : go',
        'sample_idle --> sample_idle : again',
        'sample_idle --> sample_failed : always [isFull && !isReady]',
        'sample_busy --> sample_closed : done / count',
        'sample_busy --> sample_failed : error wire',
        'sample_busy_patience_held --> sample_busy_patience_expiring : after patience / count',
        'sample_resting --> sample_closed : stop, reset',
        'sample_resting --> sample_busy_work_recent : back',
        'sample_busy_work_recent --> sample_busy_work_asking : nothing to remember',
        'sample_closed --> [*]',
      ]),
    );
    expect(lines.filter((line) => line === '--')).toHaveLength(1); // Two regions.
  });

  test('a plain machine has no frame around it; a parallel one has', () => {
    const plain = setup({}).createMachine({ id: 'p', initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
    expect(linesOf(plain).slice(2)).toEqual(['[*] --> p_a', 'state "a" as p_a', 'state "b" as p_b', 'p_a --> p_b : go', '']);
    const both = setup({}).createMachine({ id: 'p', type: 'parallel', states: { a: {}, b: {} } });
    expect(linesOf(both).slice(2)).toEqual([
      'state "p" as p',
      'state p {',
      'state "a" as p_a',
      '--',
      'state "b" as p_b',
      '}',
      '',
    ]);
    expect([plain, both].flatMap((machine) => complaintsAbout(textOf(machine)))).toEqual([]);
  });

  test('every transition of the sample is in it, somewhere', () => {
    const text = textOf(sampleMachine);
    const missing = graphOf(sampleMachine).edges.filter(({ event }) => !text.includes(event));
    expect(missing).toEqual([]);
  });

  test('names that Mermaid would take for its own are changed, and no two states become one', () => {
    const strange = setup({}).createMachine({
      ...{ id: 'm', initial: 'a_b' },
      states: {
        a_b: { on: { 'say: "hi"; #1 <b>': 'a' } },
        'a-b': { description: 'as a_b, were it not for the copy' },
        a: { initial: 'b', states: { b: {} } },
        'state "x" {': { id: 'end' },
        'späte\nfrage': { id: 'note' },
        '%%': { states: { c: {} }, initial: 'c', on: { 'end note': {} } },
      },
    });
    expect(complaintsAbout(textOf(strange))).toEqual([]);
    expect(linesOf(strange)).toEqual(
      expect.arrayContaining([
        'm_a_b --> m_a : say∶ ″hi″； ＃1 ‹b›',
        'state "a-b" as m_a_b_2',
        'state "b" as m_a_b_3',
        'state "state ″x″ ❴" as end_',
        'end\u00a0note is ignored',
        'state "späte frage" as note_',
      ]),
    );
  });
});

test.each([
  ['an arrow to nowhere', '  a --> b : go'],
  ['a sign of Mermaid’s own', '  a : x: y'],
  ['a block without an end', '  state a {'],
  ['an end without a block', '  }'],
  ['an arrow without a reason', '  a --> a'],
  ['a state declared twice', '  state "a" as a'],
  ['a note on nothing', '  note right of c\n    text\n  end note'],
  ['a line of another kind', '  direction LR'],
])('visualizer/mermaid: the reader notices %s', (_, line) => {
  const good = '%% x\nstateDiagram-v2\n  state "a" as a\n';
  expect(complaintsAbout(good)).toEqual([]);
  expect(complaintsAbout(`${good}${line}\n`)).not.toEqual([]);
});
