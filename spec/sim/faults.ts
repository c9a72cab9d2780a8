import type { CutMode, Side } from './link.js';
import type { SeededRandom } from './random.js';

/** One thing that goes wrong. Plain data: it can be printed, left out, and played again. */
export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'cut'; readonly a: string; readonly b: string; readonly mode: CutMode; readonly withinMs: number }
  // The newest wire between them, after so many more bytes towards that side.
  | { readonly kind: 'exact-cut'; readonly a: string; readonly b: string; readonly bytes: number; readonly side: Side }
  // One direction between two hosts.
  | { readonly kind: 'silence'; readonly a: string; readonly b: string; readonly forMs: number }
  | {
      readonly kind: 'partition';
      readonly a: string;
      readonly b: string;
      readonly forMs: number;
      readonly how: 'silent' | 'told';
    }
  // The newest wire alone, towards one side.
  | { readonly kind: 'wire-silence'; readonly a: string; readonly b: string; readonly side: Side; readonly forMs: number }
  | { readonly kind: 'slow'; readonly a: string; readonly b: string; readonly latencyMs: number; readonly forMs: number }
  | { readonly kind: 'refuse'; readonly host: string; readonly forMs: number }
  | { readonly kind: 'freeze'; readonly host: string; readonly forMs: number }
  | { readonly kind: 'suspend'; readonly host: string; readonly forMs: number }
  | { readonly kind: 'wall-jump'; readonly host: string; readonly ms: number }
  | { readonly kind: 'restart'; readonly host: string; readonly how: 'network' | 'crash' | 'power' }
);

export type FaultKind = Fault['kind'];

/** How likely each kind is, in relation to the others. What needs the world's help is 0: processes of their own, restarts. */
export const FAULT_WEIGHTS: Readonly<Record<FaultKind, number>> = {
  cut: 10,
  'exact-cut': 3,
  silence: 2,
  partition: 2,
  'wire-silence': 2,
  slow: 1,
  refuse: 2,
  freeze: 0,
  suspend: 0,
  'wall-jump': 0,
  restart: 0,
};

export interface FaultPlanOptions {
  /** No fault begins or lasts after it. */
  readonly stopMs: number;
  readonly startMs?: number;
  /** Who suffers; two at least. */
  readonly hosts: readonly string[];
  /** Between two faults, at random. Default 1 to 250; often much nearer. */
  readonly everyMs?: readonly [min: number, max: number];
  /** How long lasting faults last at most. Default 800. */
  readonly forMsMax?: number;
  /** Changes to `FAULT_WEIGHTS`. */
  readonly weights?: Partial<Record<FaultKind, number>>;
}

/** Draws what will go wrong, in order of time. All of it is over at `stopMs`. */
export function drawFaults(random: SeededRandom, options: FaultPlanOptions): Fault[] {
  const { stopMs, startMs = 0, everyMs: [minMs, maxMs] = [1, 250] } = options;
  const weights = { ...FAULT_WEIGHTS, ...options.weights };
  const urn = (Object.keys(weights) as FaultKind[]).flatMap((kind) => Array<FaultKind>(weights[kind]).fill(kind));
  const faults: Fault[] = [];
  let atMs = startMs;
  for (;;) {
    // Faults come in bursts: what breaks while something is being repaired finds the rarest mistakes.
    atMs += random.chance(0.3) ? random.int(6) : minMs + random.int(maxMs - minMs + 1);
    if (atMs >= stopMs) return faults;
    faults.push(drawFault(random, random.pick(urn), atMs, options));
  }
}

function drawFault(
  random: SeededRandom,
  kind: FaultKind,
  atMs: number,
  { hosts, stopMs, forMsMax = 800 }: FaultPlanOptions,
): Fault {
  const [a, b] = random.shuffle(hosts) as [string, string];
  const forMs = 1 + random.int(Math.min(forMsMax, stopMs - atMs));
  const side = random.pick<Side>(['near', 'far']);
  switch (kind) {
    case 'cut': {
      const mode = random.pick<CutMode>(['both', 'both', 'near', 'far', 'silent']);
      return { kind, atMs, a, b, mode, withinMs: Math.min(random.pick([0, 50, 200]), stopMs - atMs) };
    }
    case 'exact-cut':
      return { kind, atMs, a, b, side, bytes: random.int(random.pick([10, 100, 1000])) };
    case 'silence':
      return { kind, atMs, a, b, forMs };
    case 'partition':
      return { kind, atMs, a, b, forMs, how: random.pick(['silent', 'told']) };
    case 'wire-silence':
      return { kind, atMs, a, b, side, forMs };
    case 'slow':
      return { kind, atMs, a, b, latencyMs: 50 + random.int(500), forMs };
    case 'refuse':
    case 'freeze':
    case 'suspend':
      return { kind, atMs, host: a, forMs };
    case 'wall-jump':
      return { kind, atMs, host: a, ms: random.pick([-1, 1]) * random.pick([1000, 60_000, 86_400_000]) };
    case 'restart':
      return { kind, atMs, host: a, how: random.pick(['network', 'crash', 'power']) };
  }
}

/** One line for people, e.g. `312 cut a-b, near hears of it, within 50 ms`. */
export function describeFault(fault: Fault): string {
  return `${fault.atMs} ${what(fault)}`;
}

function what(fault: Fault): string {
  switch (fault.kind) {
    case 'cut':
      return `cut ${fault.a}-${fault.b}: ${fault.mode}, within ${fault.withinMs} ms`;
    case 'exact-cut':
      return `cut ${fault.a}-${fault.b} after ${fault.bytes} bytes towards ${fault.side}`;
    case 'silence':
      return `silence from ${fault.a} to ${fault.b} for ${fault.forMs} ms`;
    case 'partition':
      return `${fault.how} partition ${fault.a}-${fault.b} for ${fault.forMs} ms`;
    case 'wire-silence':
      return `wire ${fault.a}-${fault.b} silent towards ${fault.side} for ${fault.forMs} ms`;
    case 'slow':
      return `${fault.latencyMs} ms from ${fault.a} to ${fault.b} for ${fault.forMs} ms`;
    case 'refuse':
      return `${fault.host} refuses for ${fault.forMs} ms`;
    case 'freeze':
      return `${fault.host} frozen for ${fault.forMs} ms`;
    case 'suspend':
      return `${fault.host} asleep for ${fault.forMs} ms`;
    case 'wall-jump':
      return `wall clock of ${fault.host} jumps ${fault.ms} ms`;
    case 'restart':
      return `${fault.host} restarts: ${fault.how}`;
  }
}
