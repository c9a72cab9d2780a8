import { segmentAt, type Bar, type Segment, type Tone } from './tone.js';
import type { Searched } from './query.js';
import { stepAt, type Track } from './track.js';

/** A session at one moment. */
export class SessionRow implements Searched {
  readonly id: string;
  readonly name: string;
  readonly protocol: string;
  readonly peer: string;
  readonly bornMs: number;
  readonly closing: string | undefined;
  readonly tone: Tone;
  /** Where it stands, in one word. */
  readonly word: string;
  /** How often it was interrupted by then. */
  readonly resumes: number;

  constructor(
    readonly track: Track,
    /** Moves on with the playhead as long as nothing else about the session changes. */
    public atMs: number,
    readonly segment: Segment | undefined,
  ) {
    ({ id: this.id, name: this.name, protocol: this.protocol, peer: this.peer, bornMs: this.bornMs } = track);
    this.closing = track.closing !== undefined && track.closing.ms <= atMs ? track.closing.code : undefined;
    this.tone = segment?.tone ?? 'idle';
    this.word = this.closing ?? segment?.state ?? '';
    this.resumes = interruptionsUntil(track, atMs);
  }

  get endedMs(): number | undefined {
    const { endedMs } = this.track;
    return endedMs !== undefined && endedMs <= this.atMs ? endedMs : undefined;
  }

  /** Only a search asks for them. */
  get states(): readonly string[] {
    const own = [this.track, protocolOf(this.track)].flatMap((each) => (each && stepAt(each.steps, this.atMs)?.at) ?? []);
    return [...own, this.word];
  }
}

/** Sorted by trouble: interrupted ones first, then those that work in part; those with more interruptions before others. */
export function rowsAt(sessions: readonly Track[], atMs: number): readonly SessionRow[] {
  const rows: SessionRow[] = [];
  for (const track of sessions) {
    if (track.bornMs > atMs) continue;
    const segment = segmentAt(track.segments, atMs);
    const before = lastRows.get(track);
    // Of thousands most are as they were a moment ago.
    const isSame = before !== undefined && before.segment === segment && segment?.toMs === undefined && before.atMs <= atMs;
    const row = isSame ? before : new SessionRow(track, atMs, segment);
    row.atMs = atMs;
    if (!isSame) lastRows.set(track, row);
    rows.push(row);
  }
  return rows.sort((a, b) => ORDER[a.tone] - ORDER[b.tone] || b.resumes - a.resumes || a.bornMs - b.bornMs);
}

const lastRows = new WeakMap<Track, SessionRow>();

const ORDER: Readonly<Record<Tone, number>> = { broken: 0, partial: 1, working: 2, good: 3, idle: 4, ended: 5 };

/** The actor that runs the session's protocol, which a connection invokes. */
export function protocolOf(session: Track): Track | undefined {
  return session.children.findLast(({ id }) => id.endsWith('protocol')) ?? session.children.find(({ steps }) => steps.length > 0);
}

function interruptionsUntil({ segments }: Track, atMs: number): number {
  let count = 0;
  for (const { fromMs, tone } of segments) {
    if (fromMs > atMs) break;
    if (tone === 'broken') count++;
  }
  return count;
}

/** Thin bars of many sessions: at most `max`, evenly chosen where there are more, trouble first. */
export function crowdOf(rows: readonly Pick<SessionRow, 'id' | 'name' | 'track'>[], max: number): readonly Bar[] {
  const every = Math.max(1, rows.length / max);
  const bars: Bar[] = [];
  for (let at = 0; at < rows.length; at += every) {
    const { id, name, track } = rows[Math.floor(at)]!;
    bars.push({ id, label: name, segments: track.segments });
  }
  return bars;
}
