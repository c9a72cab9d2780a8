import type { AnyActorRef, AnyMachineSnapshot, EventObject, InspectionEvent, Snapshot } from 'xstate';
import type { Engine } from '../../machines/engine.js';
import type { Clock } from '../../machines/ports.js';
import { Causes, type Delivery } from './causes.js';
import { Charts, GUARDS_MAX, refusedGuards } from './charts.js';
import type { ActorLine, RecordingLine, RefusedGuard } from './format.js';
import { membersOf, patchOf, text } from './plain.js';
import { isOfMachine, recordedEvent, stateLineOf, type Children, type Seen } from './seen.js';
import type { Turn } from './turn.js';

const CONNECTION = 'connection';
/** Behind its step, before the next one. */
const EFFECT = 0.5;

/** Turns the inspection events of actors, of one or several systems, into lines. */
export class ActorLog {
  failures = 0;
  readonly causes = new Causes();
  readonly #charts = new Charts();
  readonly #seen = new Map<AnyActorRef, Seen>();
  readonly #over = new WeakSet<AnyActorRef>();
  #actors = 0;

  constructor(
    readonly clock: Pick<Clock, 'now'>,
    readonly turn: Turn,
  ) {}

  /** A root, and all that is below it already. */
  add(root: AnyActorRef, engine: Engine | undefined, name: string | undefined): void {
    if (this.#seen.has(root)) return;
    this.#begin(root, engine, name);
    this.#adopt(root);
  }

  get all(): Iterable<Seen> {
    return this.#seen.values();
  }

  get(ref: AnyActorRef | undefined): Seen | undefined {
    return ref === undefined ? undefined : this.#seen.get(ref);
  }

  /** Where in a turn's order something is written that the step under way does. */
  get effectOrder(): number {
    return this.causes.currentStep + EFFECT;
  }

  get #now(): number {
    return this.clock.now();
  }

  inspect(event: InspectionEvent): void {
    if (this.#over.has(event.actorRef as AnyActorRef)) return; // A late event is lost: it makes no new actor.
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
    return this.#seen.get(ref) ?? this.#begin(ref, undefined, undefined);
  }

  #begin(ref: AnyActorRef, engine: Engine | undefined, name: string | undefined): Seen {
    const { _parent: parentRef } = ref as { readonly _parent?: AnyActorRef | undefined };
    const parent = parentRef === undefined ? undefined : this.#of(parentRef);
    const { logic, src } = ref as { readonly logic?: object; readonly src?: unknown };
    const machine =
      logic !== undefined && 'root' in logic && 'config' in logic ? (logic as AnyMachineSnapshot['machine']) : undefined;
    const kind = machine?.id ?? (typeof src === 'string' ? src : ref.id);
    const found = machine === undefined ? undefined : this.#charts.of(machine);
    const order = this.effectOrder;
    if (found?.isNew === true) this.#add({ type: 'chart', chart: found.chart.name, graph: found.chart.graph }, undefined, order);
    const number = ++this.#actors;
    const seen: Seen = {
      number,
      ref,
      engine: engine ?? parent?.engine,
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
    const { step } = this.causes.current;
    const line: ActorLine = {
      type: 'actor',
      t: this.#now,
      actor: number,
      id: text(ref.id),
      kind,
      ...(found !== undefined && { chart: found.chart.name }),
      ...(parent !== undefined && { parent: parent.number }),
      ...(step !== undefined && { by: step }),
      ...(name !== undefined && { name }),
    };
    this.#add(line, seen, order);
    return seen;
  }

  /** Actors that were there before the recording: their states, and those below them. */
  #adopt(ref: AnyActorRef): void {
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || snapshot.status !== 'active') return;
    const seen = this.#of(ref);
    const hasBegun = (ref as { readonly _processingStatus?: number })._processingStatus !== 0;
    if (!hasBegun) return;
    this.#started(seen);
    if (isOfMachine(snapshot)) {
      this.#place(seen, snapshot);
      this.#add(stateLineOf(seen, this.#now), seen, this.effectOrder);
      this.#tellSession(seen, this.effectOrder);
    }
    const { children } = snapshot as { readonly children?: Children };
    const all = children?.byKey?.values() ?? Object.values(children ?? {});
    for (const child of all) if (child !== undefined) this.#adopt(child as AnyActorRef);
  }

  #started(seen: Seen): void {
    seen.hasStarted = true;
    seen.parent?.unstarted?.delete(seen);
  }

  #end(seen: Seen, status: 'done' | 'error' | 'stopped', order: number): void {
    const by = this.causes.current.step;
    this.causes.ended(seen);
    if (!this.#seen.delete(seen.ref)) return;
    this.#over.add(seen.ref);
    seen.parent?.unstarted?.delete(seen);
    for (const child of seen.unstarted ?? []) this.#end(child, 'stopped', order);
    this.#add({ type: 'ended', t: this.#now, actor: seen.number, status, ...(by !== undefined && { by }) }, seen, order);
    seen.isOver = true;
  }

  // Events.

  #sent(ref: AnyActorRef, event: EventObject, sourceRef: AnyActorRef | undefined): void {
    const target = this.#of(ref);
    const source = sourceRef === undefined ? undefined : this.#seen.get(sourceRef);
    const t = this.#now;
    if (event.type === 'xstate.init') this.#started(target);
    const delivery = this.causes.sent(target, event, source, t);
    if (delivery.cause.timer !== undefined) target.timers.delete(delivery.cause.timer);
    // An actor that throws reports no state of its own.
    if (source !== undefined && event.type.startsWith('xstate.error.actor')) this.#end(source, 'error', this.effectOrder);
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
    if (before === undefined || step.guards.length >= GUARDS_MAX) return;
    for (const refused of refusedGuards(before, event, transitions)) if (!isIn(step.guards, refused)) step.guards.push(refused);
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
    this.causes.armed(event, timer);
    if (!Number.isFinite(delay)) return;
    const t = this.#now;
    const at = t + Math.max(0, delay);
    seen.timers.set(timer, at);
    const { step } = this.causes.current;
    const by = step === undefined ? {} : { by: step };
    this.#add({ type: 'timer', t, actor: seen.number, timer, event: event.type, at, ...by }, seen, this.effectOrder);
  }

  #cancelled(seen: Seen, timer: string): void {
    if (!seen.timers.delete(timer)) return;
    this.#add({ type: 'timer-cancelled', t: this.#now, actor: seen.number, timer }, seen, this.effectOrder);
  }

  #settled(ref: AnyActorRef, event: EventObject, snapshot: Snapshot<unknown>): void {
    const seen = this.#seen.get(ref);
    if (seen === undefined) return;
    const delivery = this.causes.processed(seen, event);
    const order = delivery?.step ?? this.causes.currentStep;
    if (isOfMachine(snapshot)) this.#step(seen, delivery, snapshot, order);
    const { status } = snapshot;
    if (status !== 'active') this.#end(seen, status, order + EFFECT);
    if (!this.causes.isBusy || this.turn.isLong) this.turn.write(this.#now);
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
      seen,
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

  #tellSession(seen: Seen, order: number): void {
    if (seen.session !== seen.number) return;
    const connection = seen.engine?.connection(seen.ref);
    if (connection === undefined) return;
    const { id: session, peer, protocol, role } = connection;
    const about = `${session}\n${peer}\n${role}`;
    if (about === seen.about) return;
    seen.about = about;
    this.#add({ type: 'session', t: this.#now, actor: seen.number, session, peer: text(peer), protocol, role }, seen, order);
  }

  #add(line: RecordingLine, seen: Seen | undefined, order: number): void {
    this.turn.add(line, seen, order);
  }
}

/** Each round of eventless transitions asks the same guards again. */
function isIn(guards: readonly RefusedGuard[], { guard, state, event }: RefusedGuard): boolean {
  return guards.some((each) => each.guard === guard && each.state === state && each.event === event);
}
