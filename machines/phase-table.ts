import { assert } from './errors.js';

/**
 * Small state machines on the path of data, as tables: which events each phase knows, and which phase follows. A chart would cost an
 * event and a snapshot per step; a table costs two property lookups and allocates nothing. A step that a table does not declare does not
 * happen: the phase stays, and the step is counted as a defect of this program.
 */
export interface PhaseTable<Phase extends string = string, Event extends string = string> {
  /** The object that has these phases, for drawings and for the report of an undeclared step. */
  readonly name: string;
  readonly initial: Phase;
  readonly steps: { readonly [P in Phase]: { readonly [E in Event]?: Phase } };
}

/** The phases of a table: `PhaseOf<typeof WIRE_PHASES>`. */
export type PhaseOf<Table> = Table extends PhaseTable<infer Phase, infer _> ? Phase : never;

type EventsOf<Steps> = Steps[keyof Steps] extends infer Row ? (Row extends unknown ? keyof Row & string : never) : never;

/** Declares a table. Every phase has a row, also one that knows no event; a row names phases of the same table alone. */
export function phaseTable<
  const Steps extends { readonly [P in keyof Steps]: { readonly [event: string]: keyof Steps & string } },
>(name: string, initial: keyof Steps & string, steps: Steps): PhaseTable<keyof Steps & string, EventsOf<Steps>> {
  return { name, initial, steps };
}

/** The phase that follows. An undeclared step leaves the phase as it is; where `strictSteps(true)` was called it throws instead. */
export function step<Phase extends string, Event extends string>(
  table: PhaseTable<Phase, Event>,
  phase: Phase,
  event: Event,
): Phase {
  return table.steps[phase][event] ?? undeclared(table, phase, event);
}

/** Whether the table declares this event in this phase: for events that come from outside and are refused where they don't fit. */
export function knows<Phase extends string, Event extends string>(
  table: PhaseTable<Phase, Event>,
  phase: Phase,
  event: Event,
): boolean {
  return table.steps[phase][event] !== undefined;
}

let isStrict = false;
let count = 0;
let report: ((text: string) => void) | undefined;
const reported = new Set<string>(); // Bounded: tables are constants, with so many phases and events.

/** Tests and simulations call this, so that an undeclared step fails where it happens. An application's process goes on instead. */
export function strictSteps(isOn: boolean): void {
  isStrict = isOn;
}

/** `listener` is called for each kind of undeclared step once. A platform shows it to the people who run the process. */
export function onUndeclaredStep(listener: (text: string) => void): void {
  report = listener;
}

/** Undeclared steps of this process so far; a number other than 0 is a defect of this program. */
export function undeclaredSteps(): number {
  return count;
}

function undeclared<Phase extends string>({ name }: PhaseTable<Phase>, phase: Phase, event: string): Phase {
  const text = `${name}: "${event}" is not declared while ${phase}`;
  count++;
  if (!reported.has(text)) {
    reported.add(text);
    report?.(text);
  }
  assert(!isStrict, text);
  return phase;
}
