import type { Graph } from '../graph.js';

/**
 * The format of recordings: one JSON object per line, each with a `type`. `holdfast/visualizer/reader` validates it with a schema;
 * `spec/guide/recording.md` documents it. A reader skips lines whose type it doesn't know: a new type of line is no new version.
 */
export const RECORDING_FORMAT = 'holdfast-recording';
/** The version of the format that this package writes, and the only one that it reads. */
export const RECORDING_VERSION = 1;

/** Data as JSON has it. */
export type Plain = null | boolean | number | string | readonly Plain[] | PlainObject;
/** An object as JSON has it. */
export interface PlainObject {
  readonly [key: string]: Plain;
}

/** The first line. */
export interface HeaderLine {
  readonly type: 'header';
  readonly format: typeof RECORDING_FORMAT;
  readonly version: typeof RECORDING_VERSION;
  /** The package's version. */
  readonly product: string;
  /** When the recording began, in milliseconds of the engine's monotonic clock, as every other `t`. */
  readonly t: number;
  /** Wall-clock milliseconds since 1970 at `t`. */
  readonly wallMs: number;
  /** A command line, or the seed of a simulation. */
  readonly label?: string | undefined;
}

/** A chart, before the first actor that runs it: all that a viewer needs to draw it. */
export interface ChartLine {
  readonly type: 'chart';
  /** Name in `ActorLine.chart`. */
  readonly chart: string;
  readonly graph: Graph;
}

/** An actor begins. */
export interface ActorLine {
  readonly type: 'actor';
  readonly t: number;
  /** Its number in this recording. */
  readonly actor: number;
  /** XState's id of it. */
  readonly id: string;
  /** The chart's id, or the name of a service's logic. */
  readonly kind: string;
  /** Of an actor that runs a chart. */
  readonly chart?: string | undefined;
  readonly parent?: number | undefined;
  /** The step that created it. */
  readonly by?: number | undefined;
  /** Of a root: what the program calls this engine, where several are recorded. */
  readonly name?: string | undefined;
}

/** The connection of an actor: when it is first known, and when one of these changes. */
export interface SessionLine {
  readonly type: 'session';
  readonly t: number;
  readonly actor: number;
  /** `Connection.id`. */
  readonly session: string;
  readonly peer: string;
  readonly protocol: string;
  readonly role: 'dialer' | 'acceptor';
}

/** The whole state of an actor, in place of what the lines before tell. */
export interface StateLine {
  readonly type: 'state';
  readonly t: number;
  readonly actor: number;
  /** Ids of the innermost active states. */
  readonly states: readonly string[];
  readonly context: PlainObject;
  /** Armed timers, and when they elapse. */
  readonly timers?: Readonly<Record<string, number>> | undefined;
}

/** An event's type, and those of its fields that are harmless. */
export interface RecordedEvent {
  readonly type: string;
  readonly [field: string]: Plain;
}

/** The origin of an event. Empty: the application or the network sent it. */
export interface Cause {
  /** The step during which the event was sent, or its timer was set. */
  readonly step?: number | undefined;
  /** The sender, where it is known. Without `step` it sent the event on its own: a wire that closed, a permit to dial. */
  readonly actor?: number | undefined;
  /** The timer that elapsed. */
  readonly timer?: string | undefined;
}

/** A guard that refused a transition for this event. */
export interface RefusedGuard {
  readonly guard: string;
  /** The state that the transition leaves. */
  readonly state: string;
  /** Empty for `always`. */
  readonly event: string;
}

/** An actor processed an event. */
export interface StepLine {
  readonly type: 'step';
  readonly t: number;
  /** Counts up in the order in which steps begin: a cause has a smaller number than its effect. */
  readonly step: number;
  readonly actor: number;
  readonly event: RecordedEvent;
  readonly cause: Cause;
  /** Innermost states that were left, and entered. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** The transitions taken, as places in the chart's `graph.edges`. */
  readonly edges?: readonly number[] | undefined;
  /** Changes of the context, as a JSON merge patch (RFC 7396): null removes a member. */
  readonly context?: PlainObject | undefined;
  /** Events that the chart raised for itself on the way. */
  readonly raised?: readonly string[] | undefined;
  readonly guards?: readonly RefusedGuard[] | undefined;
  /** True: the chart has no transition for the event in its state. */
  readonly ignored?: true | undefined;
}

/** An actor ended. The actors below it have ended before. */
export interface EndedLine {
  readonly type: 'ended';
  readonly t: number;
  readonly actor: number;
  readonly status: 'done' | 'error' | 'stopped';
  /** The step that ended it. */
  readonly by?: number | undefined;
}

/** A timer was set. It is gone when it elapses, when `timer-cancelled` says so, or when its actor ends. */
export interface TimerLine {
  readonly type: 'timer';
  readonly t: number;
  readonly actor: number;
  readonly timer: string;
  /** The event that it sends. */
  readonly event: string;
  /** When it elapses. */
  readonly at: number;
  /** The step that set it. */
  readonly by?: number | undefined;
}
/** A timer was cancelled before it elapsed. */
export interface TimerCancelledLine {
  readonly type: 'timer-cancelled';
  readonly t: number;
  readonly actor: number;
  readonly timer: string;
}

/** Counts of a connection (`Connection.stats()`) or, on the hub's actor, of the engine: those that changed since the last such line. */
export interface FiguresLine {
  readonly type: 'figures';
  readonly t: number;
  readonly actor: number;
  readonly figures: Readonly<Record<string, number>>;
  /** Counts of single links, by the link's number. No protocol of this package has any yet. */
  readonly links?: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
}

/** A connection, or an attempt at one, ended. */
export interface ClosingLine {
  readonly type: 'closing';
  readonly t: number;
  /** The connection's actor, where it is known. */
  readonly actor?: number | undefined;
  readonly session: string;
  readonly peer: string;
  readonly closing: PlainObject & { readonly code: string; readonly side: string; readonly reason: string };
}

/** Another event of the engine (`engine.on`), such as `lost`, `resumed`, `refused`. */
export interface EngineLine {
  readonly type: 'engine';
  readonly t: number;
  readonly actor?: number | undefined;
  readonly event: RecordedEvent;
}

/** Lines that were left out, up to here: there were too many in a second. The states that they led to follow as `state` lines. */
export interface DroppedLine {
  readonly type: 'dropped';
  readonly t: number;
  readonly n: number;
}

/** Any line of a recording, told apart by its `type`. */
export type RecordingLine =
  | HeaderLine
  | ChartLine
  | ActorLine
  | SessionLine
  | StateLine
  | StepLine
  | EndedLine
  | TimerLine
  | TimerCancelledLine
  | FiguresLine
  | ClosingLine
  | EngineLine
  | DroppedLine;

/** A recording as a value. */
export interface Recording {
  readonly header: HeaderLine;
  /** All other lines, in order. Of two lines of one moment, the cause comes before its effect. */
  readonly lines: readonly Exclude<RecordingLine, HeaderLine>[];
}
