import type { AnyActorRef } from 'xstate';
import type { Engine } from '../../machines/engine.js';
import type { Entropy } from '../../machines/ports.js';
import { createRecorder, type Recorder, type RecordingSink } from '../../visualizer/index.js';
import type { Watcher } from './watcher.js';

/** Records all engines of a world from their beginning: `runWorld({ seed, watcher: recorded(sink) })`. Virtual time has no figures. */
export function recorded(sink: RecordingSink, label?: string): Watcher & { readonly recorder: Recorder | undefined } {
  return new RecordedWorld(sink, label);
}

class RecordedWorld implements Watcher {
  recorder: Recorder | undefined;
  readonly #waiting: (readonly [root: AnyActorRef, name: string | undefined])[] = [];

  constructor(
    readonly sink: RecordingSink,
    readonly label: string | undefined,
  ) {}

  watch(root: AnyActorRef, engine?: Engine, name?: string): void {
    if (engine === undefined) return void this.#waiting.push([root, name]); // It has no clock to tell the time by.
    const { clock } = engine.ports;
    // A timer of the recorder's own would be one more step of the world: it would not be the same schedule any more.
    const still = { now: () => clock.now(), wall: () => clock.wall(), setTimeout: () => undefined, clearTimeout: () => {} };
    this.recorder ??= createRecorder(still, this.sink, { ...(this.label !== undefined && { label: this.label }) });
    this.recorder.add(engine, name);
    for (const [each, ownName] of this.#waiting.splice(0)) this.recorder.addActor(each, ownName);
  }

  entropy(source: Entropy): Entropy {
    return source;
  }
}
