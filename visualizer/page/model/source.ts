import type { RecordingLine } from '../../recording/format.js';
import { RecordingMemory } from '../../recording/memory.js';
import type { ChartOf } from './charts.js';
import { isOrderly } from './fares.js';
import { World } from './world.js';

/** Facts that the server has beside the recording. */
export interface Facts {
  readonly charts: readonly ChartOf[];
  readonly closings: Readonly<Record<string, Advice>>;
}

/** The meaning of an ending, and advice for the user. */
export interface Advice {
  readonly happened: string;
  readonly advice: string;
}

export type Status = 'connecting' | 'live' | 'file' | 'ended';

/** Where the page's recording comes from: a running engine, a file that a command serves, or a file of the user's. */
export class Source {
  world: World = new World(new Map());
  status: Status = 'connecting';
  /** The last fault, in words. */
  message: string | undefined;
  /** Counts recordings: another number is another recording. */
  recordings = 0;
  readonly #watchers = new Set<() => void>();
  #facts: Facts = { charts: [], closings: {} };
  #pictures: ReadonlyMap<string, ChartOf> = new Map();
  #memory: RecordingMemory;
  #lines = 0;
  #forgotten = 0;
  #stream: EventSource | undefined;

  /** @param bytesMax of the newest lines, and as many of older ones of sessions that ended badly */
  constructor(readonly bytesMax = 24 << 20) {
    this.#memory = new RecordingMemory({ bytesMax });
  }

  /** Follows the server that this page comes from. */
  async open(): Promise<void> {
    try {
      this.#facts = (await (await fetch('facts')).json()) as Facts;
      this.#pictures = new Map(this.#facts.charts.map((chart) => [chart.id, chart]));
    } catch {
      this.message = 'The charts could not be loaded; states are shown as lists.';
    }
    const stream = (this.#stream = new EventSource('stream'));
    // Each connection begins with the whole recording, so the page begins anew.
    stream.addEventListener('begin', () => this.#begin('live'));
    stream.addEventListener('end', () => (stream.close(), this.#become('file')));
    stream.onmessage = ({ data }: MessageEvent<string>) => this.#add(data.split('\n'));
    stream.onerror = () => this.#become('ended');
  }

  /** Calls back after each change. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  adviceOf(code: string): Advice | undefined {
    return this.#facts.closings[code];
  }

  /** Saves what the page has seen as a file. */
  export(): void {
    const url = URL.createObjectURL(new Blob([this.#memory.text()], { type: 'application/jsonl' }));
    const link = Object.assign(document.createElement('a'), { href: url, download: 'holdfast-recording.jsonl' });
    link.click();
    URL.revokeObjectURL(url);
  }

  /** Shows a recording in place of what was shown; on a file that is none, it stays and says why. */
  async import(file: Blob & { readonly name?: string }): Promise<void> {
    const lines = (await file.text()).split('\n').filter((line) => line.trim() !== '');
    const problem = problemOf(lines[0]);
    if (problem !== undefined) {
      this.message = `${file.name ?? 'The file'} is no recording of holdfast: ${problem}.`;
      return this.#changed();
    }
    this.#stream?.close();
    this.#begin('file');
    this.#add(lines);
  }

  #begin(status: Status): void {
    this.world = new World(this.#pictures);
    this.#memory = new RecordingMemory({ bytesMax: this.bytesMax });
    this.#lines = this.#forgotten = 0;
    this.recordings++;
    this.message = undefined;
    this.#become(status);
  }

  #become(status: Status): void {
    this.status = status;
    this.#changed();
  }

  #add(lines: readonly string[]): void {
    for (const line of lines) {
      try {
        this.#take(JSON.parse(line) as RecordingLine, line.length + 1);
        this.#lines++;
      } catch {
        this.message = `Line ${this.#lines + 1} is not readable; what is before it is shown.`;
        break;
      }
    }
    if (this.#memory.dropped - this.#forgotten > FORGOTTEN_MAX) this.#forget();
    this.#changed();
  }

  /** Takes lines one by one, as they come. */
  #take(line: RecordingLine, bytes: number): void {
    const { world } = this;
    world.apply(line, bytes);
    const session = 'actor' in line && line.actor !== undefined ? world.sessionNumberOf(line.actor) : undefined;
    this.#memory.write(line, session);
    if (line.type === 'closing' && session !== undefined && !isOrderly(line.closing.code)) this.#memory.endedBadly(session);
  }

  /** The page keeps no more than the memory does: what that has forgotten goes from the page too, a good deal at a time. */
  #forget(): void {
    this.#forgotten = this.#memory.dropped;
    const world = new World(this.#pictures);
    for (const line of this.#memory.lines()) world.apply(JSON.parse(line) as RecordingLine, line.length + 1);
    this.world = world;
  }

  #changed(): void {
    for (const changed of this.#watchers) changed();
  }
}

/** Lines that may be gone from memory and not from the page yet. */
const FORGOTTEN_MAX = 50_000;

function problemOf(line: string | undefined): string | undefined {
  if (line === undefined) return 'it is empty';
  try {
    const header = JSON.parse(line) as { type?: unknown; format?: unknown; version?: unknown };
    if (header.type !== 'header' || header.format !== 'holdfast-recording') return 'its first line is no header';
    return header.version === 1 ? undefined : `it has version ${String(header.version)}, and this page reads version 1`;
  } catch {
    return 'its first line is no JSON';
  }
}
