import type { AnyActorRef } from 'xstate';
import { checkOptionNames } from '../../machines/arguments.js';
import { SessionError } from '../../machines/errors.js';
import { isOrderly, type Closing } from '../../machines/closing.js';
import type { Engine } from '../../machines/engine.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import type { Clock } from '../../machines/ports.js';
import { ActorLog } from './actor-log.js';
import { Figures } from './figures.js';
import { RECORDING_FORMAT, RECORDING_VERSION, type ClosingLine, type RecordingLine } from './format.js';
import { membersOf, text } from './plain.js';
import { countsOf, type Seen } from './seen.js';
import { Turn, type RecordingSink } from './turn.js';

/** How to record. */
export interface RecorderOptions {
  /** A name for the header, such as the command line. Default: none. */
  readonly label?: string;
  /** Milliseconds between two `figures` lines of a connection. Default 1000. */
  readonly figuresMs?: number;
  /**
   * Steps, timers and engine events written in a second; beyond it they are left out and counted by a `dropped` line, and `state` lines say
   * where the actors have come to. Default 5000. So many connections have their figures written each time, in turns.
   */
  readonly linesPerSecondMax?: number;
}

/** A recording under way. */
export interface Recorder {
  /** Inspection events that could not be recorded: a defect of the recorder. They are left out. */
  readonly failures: number;
  /** Records one more engine. `name` tells them apart in the recording. */
  add(engine: Engine, name?: string): void;
  /** Records an actor system of its own, such as `RendezvousNode.actor`. */
  addActor(root: AnyActorRef, name?: string): void;
  /** Ends the recording. The engines go on. Safe to call twice. */
  stop(): void;
}

const OPTIONS = ['label', 'figuresMs', 'linesPerSecondMax'] as const;

/** The package's version. `spec/visualizer/recording.spec.ts` compares it with package.json, which browsers can't read. */
export const PRODUCT_VERSION = '0.1.0';

/**
 * Records what an engine's actors do, from now on, as lines for `sink`. It costs an engine nothing before and after. Payloads, tokens, keys and
 * certificates never enter a line. All times are milliseconds of the engine's clock. Ends with the engine.
 */
export function record(engine: Engine, sink: RecordingSink, options: RecorderOptions = {}): Recorder {
  checkOptionNames('record', options, ...OPTIONS);
  const recorder = new EngineRecorder(engine.ports.clock, sink, options, true);
  recorder.add(engine);
  return recorder;
}

/** A recording of several engines, which `add` names. It ends by `stop()` alone. `clock`: that of the engines, or of their world. */
export function createRecorder(
  clock: Pick<Clock, 'now' | 'wall' | 'setTimeout' | 'clearTimeout'>,
  sink: RecordingSink,
  options: RecorderOptions = {},
): Recorder {
  checkOptionNames('createRecorder', options, ...OPTIONS);
  return new EngineRecorder(clock, sink, options, false);
}

class EngineRecorder implements Recorder {
  readonly #clock: Pick<Clock, 'now' | 'wall' | 'setTimeout' | 'clearTimeout'>;
  readonly #sink: RecordingSink;
  readonly #endsWithEngines: boolean;
  #failures = 0;
  readonly #log: ActorLog;
  readonly #turn: Turn;
  readonly #figures: Figures;
  readonly #linesMax: number;
  readonly #unsubscribe: (() => void)[] = [];
  #engines = 0;
  #next = 0; // The connection whose figures are next, where there are too many for one time.
  #hasStopped = false;

  constructor(
    clock: Pick<Clock, 'now' | 'wall' | 'setTimeout' | 'clearTimeout'>,
    sink: RecordingSink,
    { label, figuresMs = 1000, linesPerSecondMax = 5000 }: RecorderOptions,
    endsWithEngines: boolean,
  ) {
    this.#clock = clock;
    this.#sink = sink;
    this.#endsWithEngines = endsWithEngines;
    check('figuresMs', figuresMs);
    check('linesPerSecondMax', linesPerSecondMax);
    this.#linesMax = linesPerSecondMax;
    this.#turn = new Turn(sink, linesPerSecondMax);
    this.#log = new ActorLog(clock, this.#turn);
    const header = { type: 'header', format: RECORDING_FORMAT, version: RECORDING_VERSION, product: PRODUCT_VERSION } as const;
    sink.write({ ...header, t: clock.now(), wallMs: clock.wall(), ...(label !== undefined && { label }) }, undefined);
    this.#figures = new Figures(clock, figuresMs, () => this.#guarded(() => this.#count()));
  }

  get failures(): number {
    return this.#failures + this.#log.failures;
  }

  add(engine: Engine, name?: string): void {
    if (this.#hasStopped) return;
    this.#watch(engine.actor, engine, name);
    this.#engines++;
    const done = (): void => {
      if (--this.#engines === 0 && this.#endsWithEngines) this.stop();
    };
    this.#unsubscribe.push(engine.on((event) => this.#guarded(() => this.#note(engine, event)), done));
  }

  addActor(root: AnyActorRef, name?: string): void {
    if (!this.#hasStopped) this.#watch(root, undefined, name);
  }

  toJSON(): object {
    return { name: 'recorder', failures: this.failures };
  }

  stop(): void {
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#figures.stop();
    this.#guarded(() => this.#count());
    this.#sink.end?.();
  }

  #watch(root: AnyActorRef, engine: Engine | undefined, name: string | undefined): void {
    this.#guarded(() => this.#log.add(root, engine, name));
    const inspection = root.system.inspect((event) => this.#log.inspect(event));
    this.#unsubscribe.push(() => inspection.unsubscribe());
    this.#turn.write(this.#clock.now());
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch {
      this.#failures++;
    }
  }

  #note(engine: Engine, event: EngineEvent): void {
    if (event.type === 'closing') return this.#closed(engine, event);
    if (event.type === 'state' || 'connection' in event) return; // The steps say that.
    const seen = 'id' in event ? this.#seenAs(engine, event.id) : this.#log.get(engine.actor);
    const { type, ...fields } = event;
    this.#add({ type: 'engine', t: this.#clock.now(), event: { type, ...membersOf(fields) } }, seen);
  }

  #closed(
    engine: Engine,
    { id, peer, closing }: { readonly id: string; readonly peer: string; readonly closing: Closing },
  ): void {
    const seen = this.#seenAs(engine, id);
    const about = { session: id, peer: text(peer), closing: membersOf(closing) as ClosingLine['closing'] };
    this.#add({ type: 'closing', t: this.#clock.now(), ...about }, seen);
    if (seen !== undefined && !isOrderly(closing)) this.#sink.endedBadly?.(seen.number);
  }

  #seenAs({ actor: { system } }: Engine, id: string): Seen | undefined {
    return this.#log.get(system.get(id as never) as AnyActorRef | undefined);
  }

  #add(line: RecordingLine, seen: Seen | undefined): void {
    this.#turn.add(seen === undefined ? line : ({ ...line, actor: seen.number } as RecordingLine), seen, this.#log.effectOrder);
    if (!this.#log.causes.isBusy) this.#turn.write(this.#clock.now());
  }

  /** Called by a timer, so no actor is busy. */
  #count(): void {
    this.#log.causes.reset();
    const t = this.#clock.now();
    this.#turn.write(t);
    const connections: Seen[] = [];
    for (const seen of this.#log.all) {
      if (seen.engine === undefined) continue;
      if (seen.parent === undefined) this.#tell(seen, countsOf(seen.engine.metrics()), t);
      else if (seen.session === seen.number) connections.push(seen);
    }
    const count = Math.min(connections.length, this.#linesMax);
    for (let i = 0; i < count; i++) {
      const seen = connections[(this.#next + i) % connections.length]!;
      const connection = seen.engine?.connection(seen.ref);
      if (connection !== undefined) this.#tell(seen, connection.stats(), t);
    }
    this.#next = connections.length === 0 ? 0 : (this.#next + count) % connections.length;
  }

  #tell(seen: Seen, counts: Readonly<Record<string, number>>, t: number): void {
    const figures = this.#figures.changed(seen.ref, counts);
    if (figures !== undefined) this.#sink.write({ type: 'figures', t, actor: seen.number, figures }, seen.session);
  }
}

function check(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1 && value < Infinity) return;
  throw new SessionError('bad-option', `record.${name}: expected a number of at least 1, got ${String(value)}`);
}
