import { checkOptionNames } from '../../machines/arguments.js';
import type { AnyActorRef, AnyMachineSnapshot, EventObject, InspectionEvent, Snapshot } from 'xstate';
import { isOrderly, type Closing } from '../../machines/closing.js';
import type { Engine } from '../../machines/engine.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import { Causes, type Delivery } from './causes.js';
import { Charts, GUARDS_MAX, refusedGuards } from './charts.js';
import { Figures } from './figures.js';
import {
  RECORDING_FORMAT,
  RECORDING_VERSION,
  type ActorLine,
  type ClosingLine,
  type HeaderLine,
  type RecordingLine,
} from './format.js';
import { membersOf, patchOf, text } from './plain.js';
import { countsOf, isOfMachine, recordedEvent, stateLineOf, type Children, type Seen } from './seen.js';
import { Turn, type RecordingSink } from './turn.js';

/** How to record. */
export interface RecorderOptions {
  /** A name for the header, such as the command line. Default: none. */
  readonly label?: string;
  /** Milliseconds between two `figures` lines of a connection. Default 1000. */
  readonly figuresMs?: number;
}

/** A recording under way. */
export interface Recorder {
  /** Inspection events that could not be recorded: a defect of the recorder. They are left out. */
  readonly failures: number;
  /** Ends the recording. The engine goes on. Safe to call twice. */
  stop(): void;
}

/** The package's version. `spec/visualizer/recording.spec.ts` compares it with package.json, which browsers can't read. */
export const PRODUCT_VERSION = '0.1.0';

/**
 * Records what an engine's actors do, from now on, as lines for `sink`. It costs an engine nothing before and after. Payloads, tokens, keys and
 * certificates never enter a line. All times are milliseconds of the engine's clock.
 */
export function record(engine: Engine, sink: RecordingSink, options: RecorderOptions = {}): Recorder {
  checkOptionNames('record', options, 'label', 'figuresMs');
  return new EngineRecorder(engine, sink, options);
}

const CONNECTION = 'connection';
/** Behind its step, before the next one. */
const EFFECT = 0.5;

class EngineRecorder implements Recorder {
  failures = 0;
  readonly #causes = new Causes();
  readonly #charts = new Charts();
  readonly #seen = new Map<AnyActorRef, Seen>();
  readonly #unsubscribe: () => void;
  readonly #figures: Figures;
  readonly #turn: Turn;
  #actors = 0;
  #hasStopped = false;

  constructor(
    readonly engine: Engine,
    readonly sink: RecordingSink,
    { label, figuresMs = 1000 }: RecorderOptions,
  ) {
    const { clock } = engine.ports;
    const header: HeaderLine = {
      type: 'header',
      format: RECORDING_FORMAT,
      version: RECORDING_VERSION,
      product: PRODUCT_VERSION,
      t: clock.now(),
      wallMs: clock.wall(),
      ...(label !== undefined && { label }),
    };
    this.#turn = new Turn(sink);
    sink.write(header, undefined);
    this.#adopt(engine.actor, undefined);
    const inspection = engine.actor.system.inspect((event) => this.#inspect(event));
    const unhear = engine.on(
      (event) => this.#guarded(() => this.#hear(event)),
      () => this.stop(),
    );
    this.#unsubscribe = () => {
      inspection.unsubscribe();
      unhear();
    };
    this.#figures = new Figures(clock, figuresMs, () => this.#guarded(() => this.#count()));
    this.#turn.write();
  }

  stop(): void {
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    this.#unsubscribe();
    this.#figures.stop();
    this.#guarded(() => this.#count());
    this.sink.end?.();
  }

  /** Where in a turn's order something is written that the step under way does. */
  get #effectOrder(): number {
    return this.#causes.currentStep + EFFECT;
  }

  get #now(): number {
    return this.engine.ports.clock.now();
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch {
      this.failures++;
    }
  }

  #inspect(event: InspectionEvent): void {
    try {
      switch (event.type) {
        case '@xstate.event':
          return this.#sent(event.actorRef as AnyActorRef, event.event, event.sourceRef as AnyActorRef | undefined);
        case '@xstate.microstep':
          return this.#moved(event.actorRef as AnyActorRef, event.event, event.snapshot, event._transitions);
        case '@xstate.snapshot':
          return this.#settled(event.actorRef as AnyActorRef, event.event, event.snapshot);
        case '@xstate.action':
          return this.#acted(event.actorRef as AnyActorRef, event.action);
        default:
          return; // An actor is written with its first event.
      }
    } catch {
      this.failures++;
    }
  }

  // Actors.

  #of(ref: AnyActorRef): Seen {
    return this.#seen.get(ref) ?? this.#begin(ref);
  }

  #begin(ref: AnyActorRef): Seen {
    const { _parent: parentRef } = ref as { readonly _parent?: AnyActorRef | undefined };
    const parent = parentRef === undefined ? undefined : this.#of(parentRef);
    const { logic, src } = ref as { readonly logic?: object; readonly src?: unknown };
    const machine =
      logic !== undefined && 'root' in logic && 'config' in logic ? (logic as AnyMachineSnapshot['machine']) : undefined;
    const kind = machine?.id ?? (typeof src === 'string' ? src : ref.id);
    const found = machine === undefined ? undefined : this.#charts.of(machine);
    const order = this.#effectOrder;
    if (found?.isNew === true) this.#add({ type: 'chart', chart: found.chart.name, graph: found.chart.graph }, undefined, order);
    const number = ++this.#actors;
    const seen: Seen = {
      number,
      ref,
      parent,
      chart: found?.chart,
      isChart: machine !== undefined,
      session: kind === CONNECTION ? number : parent?.session,
      waiting: [],
      hasStarted: false,
      states: [],
      rawContext: undefined,
      context: {},
      nodes: undefined,
      about: '',
      timers: new Map(),
      step: undefined,
      unstarted: undefined,
    };
    this.#seen.set(ref, seen);
    if (parent !== undefined) (parent.unstarted ??= new Set()).add(seen);
    const { step } = this.#causes.current;
    const line: ActorLine = {
      type: 'actor',
      t: this.#now,
      actor: number,
      id: text(ref.id),
      kind,
      ...(found !== undefined && { chart: found.chart.name }),
      ...(parent !== undefined && { parent: parent.number }),
      ...(step !== undefined && { by: step }),
    };
    this.#add(line, seen.session, order);
    return seen;
  }

  /** Actors that were there before the recording: their states, and those below them. */
  #adopt(ref: AnyActorRef, parent: AnyActorRef | undefined): void {
    if (parent !== undefined && this.#seen.has(ref)) return;
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || snapshot.status !== 'active') return;
    const seen = this.#of(ref);
    const hasBegun = (ref as { readonly _processingStatus?: number })._processingStatus !== 0;
    if (!hasBegun) return;
    this.#started(seen);
    if (isOfMachine(snapshot)) {
      this.#place(seen, snapshot);
      this.#add(stateLineOf(seen, this.#now), seen.session, 0);
      this.#tellSession(seen, 0);
    }
    const { children } = snapshot as { readonly children?: Children };
    const all = children?.byKey?.values() ?? Object.values(children ?? {});
    for (const child of all) if (child !== undefined) this.#adopt(child as AnyActorRef, ref);
  }

  #started(seen: Seen): void {
    seen.hasStarted = true;
    seen.parent?.unstarted?.delete(seen);
  }

  #end(seen: Seen, status: 'done' | 'error' | 'stopped', order: number): void {
    const by = this.#causes.current.step;
    this.#causes.ended(seen);
    if (!this.#seen.delete(seen.ref)) return;
    seen.parent?.unstarted?.delete(seen);
    for (const child of seen.unstarted ?? []) this.#end(child, 'stopped', order);
    this.#add({ type: 'ended', t: this.#now, actor: seen.number, status, ...(by !== undefined && { by }) }, seen.session, order);
  }

  // Events.

  #sent(ref: AnyActorRef, event: EventObject, sourceRef: AnyActorRef | undefined): void {
    const target = this.#of(ref);
    const source = sourceRef === undefined ? undefined : this.#seen.get(sourceRef);
    const t = this.#now;
    if (event.type === 'xstate.init') this.#started(target);
    const delivery = this.#causes.sent(target, event, source, t);
    if (delivery.cause.timer !== undefined) target.timers.delete(delivery.cause.timer);
    // An actor that throws reports no state of its own.
    if (source !== undefined && event.type.startsWith('xstate.error.actor')) this.#end(source, 'error', this.#effectOrder);
  }

  #moved(ref: AnyActorRef, event: EventObject, snapshot: unknown, transitions: readonly { eventType: string }[]): void {
    const seen = this.#of(ref);
    if (seen.chart === undefined || !isOfMachine(snapshot)) return;
    const step = (seen.step ??= { edges: [], raised: [], guards: [] });
    const before = seen.nodes;
    seen.nodes = snapshot._nodes;
    step.edges.push(...seen.chart.edgesOf(transitions));
    const isFirst = seen.waiting[0]?.event === event;
    if (!isFirst && transitions.some(({ eventType }) => eventType !== '')) step.raised.push(event.type);
    if (before !== undefined && step.guards.length < GUARDS_MAX) step.guards.push(...refusedGuards(before, event, transitions));
  }

  #acted(ref: AnyActorRef, { type, params }: { readonly type: string; readonly params: unknown }): void {
    if (type === 'xstate.cancel') {
      const { sendId = params } = Object(params) as { sendId?: unknown };
      return this.#cancelled(this.#of(ref), String(sendId));
    }
    if (type !== 'xstate.raise' && type !== 'xstate.sendTo') return;
    const { event, id, delay } = params as { event?: EventObject; id?: string; delay?: number };
    if (event === undefined || typeof delay !== 'number') return;
    const seen = this.#of(ref);
    const timer = id ?? event.type;
    this.#causes.armed(event, timer);
    if (!Number.isFinite(delay)) return;
    const t = this.#now;
    const at = t + Math.max(0, delay);
    seen.timers.set(timer, at);
    const { step } = this.#causes.current;
    const by = step === undefined ? {} : { by: step };
    this.#add({ type: 'timer', t, actor: seen.number, timer, event: event.type, at, ...by }, seen.session, this.#effectOrder);
  }

  #cancelled(seen: Seen, timer: string): void {
    if (!seen.timers.delete(timer)) return;
    this.#add({ type: 'timer-cancelled', t: this.#now, actor: seen.number, timer }, seen.session, this.#effectOrder);
  }

  #settled(ref: AnyActorRef, event: EventObject, snapshot: Snapshot<unknown>): void {
    const seen = this.#seen.get(ref);
    if (seen === undefined) return;
    const delivery = this.#causes.processed(seen, event);
    const order = delivery?.step ?? this.#causes.currentStep;
    if (isOfMachine(snapshot)) this.#step(seen, delivery, snapshot, order);
    const { status } = snapshot;
    if (status !== 'active') this.#end(seen, status, order + EFFECT);
    if (!this.#causes.isBusy || this.#turn.isLong) this.#turn.write();
  }

  #step(seen: Seen, delivery: Delivery | undefined, snapshot: AnyMachineSnapshot, order: number): void {
    const { states: before, context: contextBefore, step } = seen;
    seen.step = undefined;
    this.#place(seen, snapshot);
    if (delivery === undefined) return; // Stopped by its parent: `ended` says so.
    const { edges = [], raised = [], guards = [] } = step ?? {};
    const context = patchOf(contextBefore, seen.context);
    const isIgnored = edges.length === 0 && raised.length === 0 && delivery.event.type !== 'xstate.init';
    this.#add(
      {
        type: 'step',
        t: delivery.t,
        step: delivery.step,
        actor: seen.number,
        event: recordedEvent(delivery.event),
        cause: delivery.cause,
        from: before.filter((id) => !seen.states.includes(id)),
        to: seen.states.filter((id) => !before.includes(id)),
        ...(edges.length > 0 && { edges }),
        ...(context !== undefined && { context }),
        ...(raised.length > 0 && { raised }),
        ...(guards.length > 0 && { guards: guards.slice(0, GUARDS_MAX) }),
        ...(isIgnored && { ignored: true as const }),
      },
      seen.session,
      order,
    );
    this.#tellSession(seen, order + EFFECT);
  }

  #place(seen: Seen, { _nodes: nodes, context }: AnyMachineSnapshot): void {
    seen.nodes = nodes;
    seen.states = seen.chart!.leavesOf(nodes);
    if (seen.rawContext === context) return;
    seen.rawContext = context as object;
    seen.context = membersOf(context as object);
  }

  // Sessions, closings and counts.

  #tellSession(seen: Seen, order: number): void {
    if (seen.session !== seen.number) return;
    const connection = this.engine.connection(seen.ref);
    if (connection === undefined) return;
    const { id: session, peer, protocol, role } = connection;
    const about = `${session}\n${peer}\n${role}`;
    if (about === seen.about) return;
    seen.about = about;
    this.#add(
      { type: 'session', t: this.#now, actor: seen.number, session, peer: text(peer), protocol, role },
      seen.number,
      order,
    );
  }

  #hear(event: EngineEvent): void {
    const order = this.#effectOrder;
    if (event.type === 'closing') return this.#closed(event, order);
    if (event.type === 'state' || 'connection' in event) return; // The steps say that.
    const id = 'id' in event ? event.id : undefined;
    const seen = id === undefined ? undefined : this.#seenAs(id);
    const { type, ...fields } = event;
    const line = { type: 'engine' as const, t: this.#now, event: { type, ...membersOf(fields) } };
    this.#add(seen === undefined ? line : { ...line, actor: seen.number }, seen?.number, order);
    if (!this.#causes.isBusy) this.#turn.write();
  }

  #closed({ id, peer, closing }: { readonly id: string; readonly peer: string; readonly closing: Closing }, order: number): void {
    const seen = this.#seenAs(id);
    const line: ClosingLine = {
      type: 'closing',
      t: this.#now,
      ...(seen !== undefined && { actor: seen.number }),
      session: id,
      peer: text(peer),
      closing: membersOf(closing) as ClosingLine['closing'],
    };
    this.#add(line, seen?.number, order);
    if (seen !== undefined && !isOrderly(closing)) this.sink.endedBadly?.(seen.number);
    if (!this.#causes.isBusy) this.#turn.write();
  }

  #seenAs(id: string): Seen | undefined {
    const ref = this.engine.actor.system.get(id as never) as AnyActorRef | undefined;
    return ref === undefined ? undefined : this.#seen.get(ref);
  }

  /** Called by a timer, so no actor is busy. */
  #count(): void {
    this.#causes.reset();
    this.#turn.write();
    const t = this.#now;
    for (const seen of this.#seen.values()) {
      const isHub = seen.parent === undefined;
      if (!isHub && seen.session !== seen.number) continue;
      const counts = isHub ? countsOf(this.engine.metrics()) : this.engine.connection(seen.ref)?.stats();
      if (counts === undefined) continue;
      const figures = this.#figures.changed(seen.ref, counts);
      if (figures !== undefined)
        this.sink.write({ type: 'figures', t, actor: seen.number, figures }, isHub ? undefined : seen.number);
    }
  }

  #add(line: RecordingLine, session: number | undefined, order: number): void {
    this.#turn.add(line, session, order);
  }
}
