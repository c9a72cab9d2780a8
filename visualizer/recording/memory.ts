import { checkOptionNames } from '../../machines/arguments.js';
import { SessionError } from '../../machines/errors.js';
import type { DroppedLine, HeaderLine, RecordingLine } from './format.js';
import { applyLine, type ActorState } from './state.js';
import type { RecordingSink } from './turn.js';

/** The bounds of a recording in memory. */
export interface RecordingMemoryOptions {
  /** Bytes of the newest lines. Default 8 MiB. */
  readonly bytesMax?: number;
  /** Bytes of older lines of sessions that ended badly, or that may. Default as `bytesMax`. */
  readonly sessionBytesMax?: number;
}

/** A line as text, where it stood, and whose it is. */
interface Kept {
  readonly text: string;
  readonly order: number;
  readonly session: number | undefined;
}

/** The older lines of one session. */
interface Life {
  lines: Kept[];
  bytes: number;
  isBad: boolean;
  isOver: boolean;
}

/** A session that is not over holds at most this part of the bytes for sessions: its oldest lines give way. */
const SHARE = 1 / 8;

/**
 * Keeps a recording in memory within bounds: the newest lines, and older ones of sessions that ended badly, as a rule from their beginning.
 * The states that all other lines led to are kept instead of the lines, about 1 KiB for each actor that is there.
 */
export class RecordingMemory implements RecordingSink {
  readonly #bytesMax: number;
  readonly #sessionBytesMax: number;
  #header: HeaderLine | undefined;
  #charts: string[] = [];
  #ring: Kept[] = [];
  #head = 0; // Lines of the ring that are gone.
  #bytes = 0;
  #order = 0;
  /** The state before the ring. */
  readonly #base = new Map<number, ActorState>();
  #baseT = 0;
  readonly #lives = new Map<number, Life>();
  #lifeBytes = 0;
  readonly #bad = new Set<number>(); // Not over in the ring yet.
  #dropped = 0;

  constructor(options: RecordingMemoryOptions = {}) {
    checkOptionNames('RecordingMemory', options, 'bytesMax', 'sessionBytesMax');
    const { bytesMax = 8 << 20, sessionBytesMax = bytesMax } = options;
    check('bytesMax', bytesMax);
    check('sessionBytesMax', sessionBytesMax);
    this.#bytesMax = bytesMax;
    this.#sessionBytesMax = sessionBytesMax;
  }

  /** Bytes of text held, charts included. */
  get bytes(): number {
    return this.#bytes + this.#lifeBytes + this.#charts.reduce((sum, text) => sum + text.length, 0);
  }

  /** Lines that are gone. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: RecordingLine, session: number | undefined): void {
    if (line.type === 'header') {
      this.#header = line;
      return;
    }
    const text = JSON.stringify(line);
    if (line.type === 'chart') {
      this.#charts.push(text);
      return;
    }
    this.#ring.push({ text, order: this.#order++, session });
    this.#bytes += text.length;
    while (this.#bytes > this.#bytesMax) this.#forget();
  }

  endedBadly(session: number): void {
    const life = this.#lives.get(session);
    if (life !== undefined) life.isBad = true;
    this.#bad.add(session);
  }

  /** The recording as it is now, ready for `readRecording`: each line ends with a line feed. */
  text(): string {
    return [...this.lines()].map((line) => `${line}\n`).join('');
  }

  /** The same line by line, without line feeds. Empty before `record` was called. */
  *lines(): Generator<string> {
    if (this.#header === undefined) return;
    yield JSON.stringify(this.#header);
    yield* this.#charts;
    const lives = [...this.#lives.values()].flatMap(({ lines }) => lines).sort((a, b) => a.order - b.order);
    for (const { text } of lives) yield text;
    if (this.#dropped > 0) yield JSON.stringify({ type: 'dropped', t: this.#baseT, n: this.#dropped } satisfies DroppedLine);
    for (const state of this.#base.values()) for (const line of linesOf(state, this.#baseT)) yield JSON.stringify(line);
    for (let at = this.#head; at < this.#ring.length; at++) yield this.#ring[at]!.text;
  }

  /** The oldest line of the ring goes into the state before it, and into the life of its session. */
  #forget(): void {
    const kept = this.#ring[this.#head++]!;
    this.#bytes -= kept.text.length;
    const line = JSON.parse(kept.text) as RecordingLine;
    if ('t' in line) this.#baseT = Math.max(this.#baseT, line.t);
    applyLine(this.#base, line);
    if (this.#head > 1024 && this.#head * 2 > this.#ring.length) {
      this.#ring = this.#ring.slice(this.#head);
      this.#head = 0;
    }
    const { session } = kept;
    if (session === undefined) this.#dropped++;
    else this.#remember(session, kept, line);
  }

  #remember(session: number, kept: Kept, line: RecordingLine): void {
    let life = this.#lives.get(session);
    if (life === undefined) {
      life = { lines: [], bytes: 0, isBad: this.#bad.has(session), isOver: false };
      this.#lives.set(session, life);
    }
    life.lines.push(kept);
    life.bytes += kept.text.length;
    this.#lifeBytes += kept.text.length;
    if (line.type === 'ended' && line.actor === session) {
      life.isOver = true;
      this.#bad.delete(session);
      if (!life.isBad) this.#drop(session, life);
    }
    if (life.bytes > this.#sessionBytesMax * SHARE) this.#shorten(life);
    if (this.#lifeBytes > this.#sessionBytesMax) this.#makeRoom();
  }

  #drop(session: number, life: Life): void {
    this.#lives.delete(session);
    this.#lifeBytes -= life.bytes;
    this.#dropped += life.lines.length;
  }

  #shorten(life: Life): void {
    const gone = life.lines.splice(0, Math.ceil(life.lines.length / 2));
    const bytes = gone.reduce((sum, { text }) => sum + text.length, 0);
    life.bytes -= bytes;
    this.#lifeBytes -= bytes;
    this.#dropped += gone.length;
  }

  /** Sessions that have not ended badly lose their older lines first, the longest before the others; then the oldest bad one. */
  #makeRoom(): void {
    const target = this.#sessionBytesMax * (1 - SHARE);
    const others = [...this.#lives].filter(([, { isBad }]) => !isBad).sort(([, a], [, b]) => b.bytes - a.bytes);
    const bad = [...this.#lives].filter(([, { isBad }]) => isBad);
    for (const [session, life] of [...others, ...bad]) {
      if (this.#lifeBytes <= target) return;
      this.#drop(session, life);
    }
  }
}

/** The lines that lead to a state at once. */
function* linesOf(state: ActorState, t: number): Generator<RecordingLine> {
  const { actor, id, kind, chart, parent, name, session, peer, protocol, role, states, context, timers, figures, links } = state;
  yield {
    ...{ type: 'actor', t: state.since, actor, id, kind },
    ...(chart !== undefined && { chart }),
    ...(parent !== undefined && { parent }),
    ...(name !== undefined && { name }),
  };
  if (session !== undefined && peer !== undefined && protocol !== undefined && role !== undefined)
    yield { type: 'session', t, actor, session, peer, protocol, role };
  if (chart !== undefined) yield { type: 'state', t, actor, states, context, timers };
  if (Object.keys(figures).length > 0)
    yield { type: 'figures', t, actor, figures, ...(Object.keys(links).length > 0 && { links }) };
}

function check(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1024 && value < Infinity) return;
  throw new SessionError('bad-option', `RecordingMemory.${name}: expected at least 1024 bytes, got ${String(value)}`);
}
