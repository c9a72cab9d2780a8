import { checkOptionNames } from '../../machines/arguments.js';
import type { RecordingLine } from '../recording/format.js';
import { RecordingMemory, type RecordingMemoryOptions } from '../recording/memory.js';
import type { RecordingSink } from '../recording/turn.js';
import type { Feed } from './page-server.js';

/** A recording as it grows: `record(engine, feed)` fills it, and pages follow it. It keeps as much as `RecordingMemory` does. */
export class LiveFeed implements Feed, RecordingSink {
  readonly #memory: RecordingMemory;
  readonly #watchers = new Set<{ readonly onLine: (line: string) => void; readonly onEnd: () => void }>();

  constructor(options: RecordingMemoryOptions = {}) {
    checkOptionNames('LiveFeed', options, 'bytesMax', 'sessionBytesMax');
    this.#memory = new RecordingMemory(options);
  }

  write(line: RecordingLine, session: number | undefined): void {
    this.#memory.write(line, session);
    if (this.#watchers.size === 0) return;
    const text = JSON.stringify(line);
    for (const { onLine } of this.#watchers) onLine(text);
  }

  endedBadly(session: number): void {
    this.#memory.endedBadly(session);
  }

  end(): void {
    for (const { onEnd } of this.#watchers) onEnd();
  }

  lines(): readonly string[] {
    return [...this.#memory.lines()];
  }

  watch(onLine: (line: string) => void, onEnd: () => void): () => void {
    const watcher = { onLine, onEnd };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}
