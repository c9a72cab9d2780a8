import type { Cause, RecordedEvent } from '../../recording/format.js';
import type { Segment } from './tone.js';

/** One transition, or one event that changed nothing but the context. */
export interface Step {
  /** Its place among all steps of the recording. */
  readonly index: number;
  readonly ms: number;
  readonly actor: Track;
  readonly event: string;
  /** The event itself, as far as it is recorded. */
  readonly fields: RecordedEvent;
  /** The step that sent the event; undefined where it came from outside the charts: a wire, a timer, the application. */
  readonly cause: Step | undefined;
  /** In words where it came from, if not from another step: `timer`, `wire`, the id of an actor without steps. */
  readonly source: string | undefined;
  /** A timer that `cause` had set brought it. */
  readonly isTimed: boolean;
  /** The innermost states that it left and entered, without the chart's id. Both are empty where it stayed. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Where it is then, innermost states only. */
  readonly at: readonly string[];
  /** The arrows of the chart that it took. */
  readonly taken: readonly { readonly from: string; readonly to: readonly string[] }[];
  /** The ids of all active states after it. */
  readonly states: readonly string[];
  /** Guards of the chart that said no to this event. */
  readonly refused: readonly string[];
  /** The chart has no transition for it in the state it was in. */
  readonly isIgnored: boolean;
}

/** One actor from its birth on. */
export interface Track {
  readonly id: string;
  /** As people call it: `resume #1`, `link 2`, `wire`. */
  name: string;
  /** The name in full, where `name` is short. */
  fullName: string;
  /** The name of its engine, where several are recorded; else empty. */
  readonly engine: string;
  /** The id of its chart; empty where it runs none. */
  readonly chart: string;
  /** The name of its logic. */
  readonly kind: string;
  readonly parent: Track | undefined;
  readonly children: Track[];
  peer: string;
  /** Of a session; empty for others. */
  protocol: string;
  readonly bornMs: number;
  endedMs: number | undefined;
  readonly steps: Step[];
  readonly segments: Segment[];
  closing: Closing | undefined;
}

export interface Closing {
  readonly ms: number;
  readonly code: string;
  readonly side: string;
  readonly detail: string | undefined;
}

/** The last step of an actor at a moment; undefined before its first. */
export function stepAt(steps: readonly Step[], ms: number): Step | undefined {
  return steps[countUntil(steps, ms) - 1];
}

/** How many steps there are up to a moment, that moment included. Steps are in order. */
export function countUntil(steps: readonly { readonly ms: number }[], ms: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]!.ms <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An actor and all below it, outer ones first. */
export function* below(track: Track): Generator<Track> {
  yield track;
  for (const child of track.children) yield* below(child);
}

/** Why a step was taken: itself, what caused it, and so on to the first cause that is known. */
export function causesOf(step: Step): readonly Step[] {
  const chain: Step[] = [];
  for (let at: Step | undefined = step; at !== undefined && chain.length < CAUSES_MAX; at = at.cause) chain.push(at);
  return chain;
}

const CAUSES_MAX = 200;

/** Where an event came from that no recorded step sent. */
export function sourceOf({ step, timer }: Cause, sender: string | undefined): string | undefined {
  if (timer !== undefined) return 'a timer';
  if (sender !== undefined && step === undefined) return `news of the ${sender}`;
  return step === undefined ? undefined : 'a step before the recording';
}
