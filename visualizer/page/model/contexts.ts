import { patched } from '../../recording/plain.js';
import type { PlainObject } from '../../recording/format.js';
import { countUntil } from './track.js';

/** One context over time, as patches with the whole in between, so that a moment costs few of them. */
export class Contexts {
  readonly #changes: { readonly ms: number; readonly patch: PlainObject; readonly isWhole: boolean }[] = [];
  #last: PlainObject = {};
  #sinceWhole = 0;

  set(ms: number, context: PlainObject): void {
    this.#last = context;
    this.#sinceWhole = 0;
    this.#changes.push({ ms, patch: context, isWhole: true });
  }

  patch(ms: number, patch: PlainObject): void {
    this.#last = patched(this.#last, patch);
    if (++this.#sinceWhole >= WHOLE_EVERY) this.set(ms, this.#last);
    else this.#changes.push({ ms, patch, isWhole: false });
  }

  at(ms: number): PlainObject | undefined {
    const count = countUntil(this.#changes, ms);
    if (count === 0) return undefined;
    let from = count - 1;
    while (from > 0 && !this.#changes[from]!.isWhole) from--;
    let context: PlainObject = {};
    for (const { patch } of this.#changes.slice(from, count)) context = patched(context, patch);
    return context;
  }
}

const WHOLE_EVERY = 32;
