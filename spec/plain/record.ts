import type { AnyActorRef, AnyStateMachine, AnyEventObject, AnyMachineSnapshot, InspectionEvent, Snapshot } from 'xstate';
import type { Entropy } from '../../machines/ports.js';
import type { Watcher } from '../sim/watcher.js';

/** One event that an actor has processed, and what it was then. */
export interface Step {
  readonly event: AnyEventObject;
  readonly facts: string;
}

/** The life of one actor. */
export interface Run {
  readonly name: string;
  readonly machine: AnyStateMachine;
  readonly input: unknown;
  readonly steps: Step[];
}

/** What a snapshot may take, as UTF-8. */
export const SNAPSHOT_BYTES_MAX = 4096;
const FAULTS_MAX = 20;
/** Tokens are this long; shorter random bytes are ids, nonces of a probe and the like. */
const SECRET_BYTES_MIN = 32;

/** What of a snapshot a chart decides: where it is, what it knows, whether and how it is over. */
export function factsOf(snapshot: Snapshot<unknown>): string {
  const { value, context, status, output } = snapshot as AnyMachineSnapshot;
  return JSON.stringify({ value, context: context as unknown, status, output: output as unknown });
}

/** Records what every actor below some roots goes through, and checks that each of their snapshots is small plain data without secrets. */
export class Recorder implements Watcher {
  readonly runs = new Map<AnyActorRef, Run>();
  readonly faults: string[] = [];
  /** By chart: the largest snapshot, persisted or not, in bytes. */
  readonly largest: Record<string, number> = {};
  readonly #inputs = new Map<AnyActorRef, unknown>();
  readonly #secrets: string[] = [];

  /** `isMeant`: whether an actor with logic of this name is looked at. */
  constructor(readonly isMeant: (name: string) => boolean = () => true) {}

  watch(root: AnyActorRef): void {
    root.system.inspect({ next: (event) => this.#see(event) });
  }

  entropy(source: Entropy): Entropy {
    return (count) => {
      const bytes = source(count);
      if (count >= SECRET_BYTES_MIN) this.keepSecret(bytes);
      return bytes;
    };
  }

  /** These bytes may be in no snapshot and in no event, in whatever spelling. */
  keepSecret(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes);
    const middle = [...bytes.subarray(4, 12)];
    this.#secrets.push(buffer.toString('hex', 0, 12), buffer.toString('base64', 0, 12), middle.join(','));
    this.#secrets.push(middle.map((byte, i) => `"${i + 4}":${byte}`).join(','));
  }
  keepWord(word: string): void {
    this.#secrets.push(word);
  }

  #see(inspected: InspectionEvent): void {
    const { actorRef, type } = inspected;
    if (type === '@xstate.event') {
      const event = inspected.event as AnyEventObject;
      if (event.type === 'xstate.init') this.#inputs.set(actorRef as AnyActorRef, event['input']);
      if (this.isMeant(nameOf(actorRef as AnyActorRef)))
        this.#search(event, `${nameOf(actorRef as AnyActorRef)} got ${event.type}`);
    } else if (type === '@xstate.snapshot') this.#note(actorRef as AnyActorRef, inspected.event, inspected.snapshot);
  }

  #note(actor: AnyActorRef, event: AnyEventObject, snapshot: Snapshot<unknown>): void {
    const name = nameOf(actor);
    if (!this.isMeant(name)) return;
    this.#check(name, 'snapshot', () => actor.getSnapshot() as unknown);
    this.#check(name, 'persisted snapshot', () => actor.getPersistedSnapshot());
    if (!('machine' in snapshot)) return;
    const { context } = snapshot as AnyMachineSnapshot;
    for (const [path, what] of lostIn(context, 'context')) this.#fault(`${name}: ${path} is ${what}, which JSON drops or alters`);
    let run = this.runs.get(actor);
    if (run === undefined)
      this.runs.set(
        actor,
        (run = { name, machine: snapshot.machine as AnyStateMachine, input: this.#inputs.get(actor), steps: [] }),
      );
    try {
      run.steps.push({ event, facts: factsOf(snapshot) });
    } catch {
      // Said above: it can't be written.
    }
  }

  #check(name: string, what: string, make: () => unknown): void {
    try {
      const text = JSON.stringify(make());
      const bytes = Buffer.byteLength(text);
      this.largest[name] = Math.max(this.largest[name] ?? 0, bytes);
      if (bytes > SNAPSHOT_BYTES_MAX) this.#fault(`${name}: the ${what} takes ${bytes} bytes: ${text}`);
      this.#searchText(text, `${name}: the ${what}`);
    } catch (error) {
      this.#fault(`${name}: the ${what} can't be written: ${String(error)}`);
    }
  }

  /** Events have to be free of secrets, and need not be small. */
  #search(event: AnyEventObject, where: string): void {
    try {
      this.#searchText(JSON.stringify(event), where);
    } catch (error) {
      this.#fault(`${where}: it can't be written: ${String(error)}`);
    }
  }

  #searchText(text: string, where: string): void {
    const found = this.#secrets.find((secret) => text.includes(secret));
    if (found !== undefined) this.#fault(`${where} holds the secret ${found}: ${text}`);
    const bytes = /"0":\d+,"1":\d+|"type":"Buffer"|-----BEGIN/.exec(text);
    if (bytes !== null) this.#fault(`${where} holds bytes: ${text}`);
  }

  #fault(words: string): void {
    const told = words.slice(0, 600);
    if (this.faults.length < FAULTS_MAX && !this.faults.includes(told)) this.faults.push(told);
  }
}

/** Where JSON would drop or alter a value in silence. An object with `toJSON` is a handle, and describes itself. */
function lostIn(
  value: unknown,
  path: string,
  within: readonly unknown[] = [],
): readonly (readonly [path: string, what: string])[] {
  if (typeof value === 'function' || typeof value === 'symbol') return [[path, `a ${typeof value}`]];
  if (typeof value === 'number' && !Number.isFinite(value)) return [[path, String(value)]];
  if (typeof value !== 'object' || value === null || within.includes(value)) return []; // A circle is a fault by itself.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value instanceof Date ? [[path, 'a Date']] : [];
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || ArrayBuffer.isView(value) || prototype === Object.prototype || prototype === null;
  if (!isPlain) return [[path, `a ${value.constructor.name}`]];
  return Object.entries(value).flatMap(([key, each]) => lostIn(each, `${path}.${key}`, [...within, value]));
}

/** The id of its chart; of what is no chart, what its parent calls it. */
export function nameOf(actor: AnyActorRef): string {
  const { logic } = actor as { logic?: { id?: string } };
  return logic?.id ?? (typeof actor.src === 'string' ? actor.src : actor.id);
}
