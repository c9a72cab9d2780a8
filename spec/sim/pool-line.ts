import type { Closing } from '../../machines/closing.js';
import type { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { EngineEvent } from '../../machines/hub/events.js';
import { Alternating } from './checks.js';

/** What lines and hosts tell the world they are in. */
export interface Witness {
  readonly violations: string[];
  readonly closings: Record<string, number>;
  readonly refusals: Record<string, number>;
  indexOf(id: string): string;
  note(line: string): void;
}

/** Of each message: who sent it, on which of its lines, and which one it is. */
export const HEAD_BYTES = 8;

/** One end of one connection: what went out, what came in. */
export class Line {
  sent = 0;
  received = 0;
  /** Which line of the other side it hears; the first message says so. */
  heardFrom: string | undefined;
  closing: Closing | undefined;

  constructor(
    readonly host: Host,
    readonly serial: number,
    readonly connection: Connection,
  ) {}

  get name(): string {
    return `${this.host.index}.${this.serial}`;
  }

  /** Messages are whole, in order, each once, and all of one sender. */
  readonly take = (message: Uint8Array): void => {
    const { violations } = this.host.world;
    const [index, serial, n] = headOf(message);
    const from = `${index}.${serial}`;
    this.heardFrom ??= from;
    const whole = messageOf(index, serial, n, message.length);
    if (Buffer.compare(message, whole) !== 0) violations.push(`${this.name}: message ${n} of ${from} is spoilt`);
    if (this.heardFrom !== from) violations.push(`${this.name} hears ${from} as well as ${this.heardFrom}`);
    else if (n !== this.received) violations.push(`${this.name}: message ${n} of ${from} instead of ${this.received}`);
    if (this.host.world.indexOf(this.connection.peer) !== String(index))
      violations.push(`${this.name} hears ${from}, who is somebody else`);
    this.received = n + 1;
  };
}

export class Host {
  readonly lines: Line[] = [];
  /** The line to each peer of the moment. */
  readonly live = new Map<string, Line>();
  readonly alternating: Alternating;

  constructor(
    readonly index: number,
    readonly id: string,
    readonly engine: Engine,
    readonly world: Witness,
  ) {
    this.alternating = new Alternating(`host ${index}: connected and disconnected alternate`);
    engine.on((event) => this.#hear(event));
  }

  #hear(event: EngineEvent): void {
    const { world } = this;
    if (event.type === 'connected') {
      const connection = event.connection as Connection;
      const line = new Line(this, this.lines.length, connection);
      this.lines.push(line);
      world.note(`${this.index} connected ${line.name} to ${world.indexOf(connection.peer)} as ${connection.role}`);
      this.alternating.connected(connection.peer);
      this.live.set(connection.peer, line);
      connection.onMessage = line.take;
    } else if (event.type === 'disconnected') {
      const { peer } = event.connection;
      const line = this.lines.find((each) => each.connection === event.connection)!;
      line.closing = event.closing;
      world.note(`${this.index} disconnected ${line.name} from ${world.indexOf(peer)}: ${said(event.closing)}`);
      this.alternating.disconnected(peer);
      if (this.live.get(peer) === line) this.live.delete(peer);
    } else if (event.type === 'closing') {
      world.note(`${this.index} closing ${world.indexOf(event.peer)}: ${said(event.closing)}`);
      world.closings[event.closing.code] = (world.closings[event.closing.code] ?? 0) + 1;
    } else if (event.type === 'refused') {
      world.refusals[event.code] = (world.refusals[event.code] ?? 0) + 1;
      world.note(`${this.index} refused ${event.remoteAddress}: ${event.code}`);
    } else if (event.type === 'state') world.note(`${this.index} to ${world.indexOf(event.peer)} ${event.state}`);
  }
}

const said = ({ code, side }: Closing): string => `${code} ${side}`;

export function messageOf(index: number, serial: number, n: number, bytes: number): Uint8Array {
  const message = new Uint8Array(bytes);
  const view = new DataView(message.buffer);
  view.setUint8(0, index);
  view.setUint16(1, serial);
  view.setUint32(4, n);
  for (let i = HEAD_BYTES; i < bytes; i++) message[i] = i + n * 7 + index;
  return message;
}

function headOf(message: Uint8Array): [index: number, serial: number, n: number] {
  const view = new DataView(message.buffer, message.byteOffset);
  return [view.getUint8(0), view.getUint16(1), view.getUint32(4)];
}
