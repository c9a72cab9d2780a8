import { wordsOf } from '../../words.js';
import type { ActorLine, ChartLine, HeaderLine, RecordingLine, StepLine } from '../../recording/format.js';
import type { ChartOf } from './charts.js';
import type { Figures } from './figures.js';
import { chartFrom, type ChartFacts } from './chart-facts.js';
import { Entry } from './entry.js';
import { toneOf } from './fares.js';
import type { Range } from './tone.js';
import type { Wait } from './timers.js';
import { sourceOf, type Step, type Track } from './track.js';

/** A recording in the shape that the page looks things up in. It grows by lines, as they come. */
export class World {
  readonly sessions: Track[] = [];
  /** All steps in order. */
  readonly steps: Step[] = [];
  header: HeaderLine | undefined;
  bytes = 0;
  stepsSeen = 0;
  leftOut = 0;
  readonly #tracks = new Map<number, Entry>();
  readonly #charts = new Map<string, ChartFacts>();
  readonly #steps = new Map<number, Step>();
  readonly #pictures: ReadonlyMap<string, ChartOf>;
  #endMs = 0;

  /** @param pictures the charts that the server has drawn, by id */
  constructor(pictures: ReadonlyMap<string, ChartOf>) {
    this.#pictures = pictures;
  }

  /** Milliseconds since the recording began. */
  get range(): Range {
    return { fromMs: 0, toMs: Math.max(1, this.#endMs) };
  }

  track(id: string | undefined): Track | undefined {
    return id === undefined ? undefined : this.#tracks.get(Number(id))?.track;
  }

  /** The session that an actor belongs to: itself, or one above it. */
  sessionOf(track: Track): Track | undefined {
    let found: Track | undefined;
    for (let at: Track | undefined = track; at !== undefined; at = at.parent) if (this.#entry(at).isSession) found = at;
    return found;
  }

  /** The number of the actor of the session that an actor belongs to. */
  sessionNumberOf(actor: number): number | undefined {
    const track = this.#tracks.get(actor)?.track;
    const session = track && this.sessionOf(track);
    return session === undefined ? undefined : Number(session.id);
  }

  chart(id: string): ChartOf | undefined {
    const facts = this.#charts.get(id);
    if (facts === undefined) return this.#pictures.get(id);
    const drawn = this.#pictures.get(id);
    // A picture of another version of the chart would show what did not run.
    return drawn !== undefined && drawn.key === facts.chart.key ? drawn : facts.chart;
  }

  /** Charts of actors that carry data for a session, side by side. */
  isLink(chart: string): boolean {
    return this.#charts.get(chart)?.hasTag('joined') ?? false;
  }

  figuresOf(track: Track): readonly Figures[] {
    return this.#entry(track).figures;
  }

  contextAt(track: Track, ms: number): Readonly<Record<string, unknown>> | undefined {
    return this.#entry(track).contexts.at(ms);
  }

  /** The timers that run at a moment for an actor and all below it, the next one first. */
  waitsOf(track: Track, ms: number): readonly Wait[] {
    const waits: Wait[] = [];
    const visit = (each: Track): void => {
      waits.push(...this.#entry(each).timers.at(ms, each.name));
      each.children.forEach(visit);
    };
    visit(track);
    return waits.sort((a, b) => a.inMs - b.inMs).slice(0, WAITS_MAX);
  }

  apply(line: RecordingLine, bytes: number): void {
    this.bytes += bytes;
    if (line.type === 'header') return void (this.header = line);
    if (line.type === 'chart') return this.#applyChart(line);
    const ms = this.#ms(line.t);
    this.#endMs = Math.max(this.#endMs, ms);
    switch (line.type) {
      case 'actor':
        return this.#born(line, ms);
      case 'step':
        return this.#step(line, ms);
      case 'dropped':
        return void (this.leftOut += line.n);
      case 'engine':
        return;
      default: {
        const entry = line.actor === undefined ? undefined : this.#tracks.get(line.actor);
        if (entry !== undefined) this.#applyTo(entry, line, ms);
      }
    }
  }

  #applyTo(entry: Entry, line: RecordingLine, ms: number): void {
    const { track } = entry;
    switch (line.type) {
      case 'session':
        Object.assign(track, {
          name: namedAfter(line.session, track.engine),
          fullName: line.session,
          peer: line.peer,
          protocol: line.protocol,
        });
        if (!entry.isSession) this.sessions.push(track);
        entry.isSession = true;
        return this.#paint(entry, ms);
      case 'state':
        this.#jump(entry, line.states, ms);
        entry.contexts.set(ms, line.context);
        for (const [timer, at] of Object.entries(line.timers ?? {})) entry.timers.set(timer, wordsOf(timer), ms, this.#ms(at));
        return this.#paint(entry, ms);
      case 'figures': {
        const before = entry.figures.at(-1)?.values ?? {};
        return void entry.figures.push({ ms, values: { ...before, ...line.figures } });
      }
      case 'timer':
        return entry.timers.set(line.timer, wordsOf(line.event), ms, this.#ms(line.at));
      case 'timer-cancelled':
        return entry.timers.end(line.timer, ms);
      case 'closing': {
        const { code, side, detail } = line.closing as { code: string; side: string; detail?: unknown };
        track.closing = { ms, code, side, detail: typeof detail === 'string' ? detail : undefined };
        return this.#paint(entry, ms);
      }
      case 'ended':
        track.endedMs = ms;
        entry.timers.endAll(ms);
        return this.#paint(entry, ms);
      default: // Of a later version.
    }
  }

  #applyChart({ chart, graph }: ChartLine): void {
    this.#charts.set(chart, chartFrom(chart, graph));
  }

  /** An actor that is said again has lost some of its lines: its state follows. */
  #born({ actor, id, kind, chart = '', parent, name }: ActorLine, ms: number): void {
    if (this.#tracks.has(actor)) return;
    const above = parent === undefined ? undefined : this.#tracks.get(parent)?.track;
    const track: Track = {
      id: String(actor),
      name: shortName(nameOf(id, kind, chart)),
      engine: above?.engine ?? name ?? '',
      fullName: id,
      chart,
      kind,
      parent: above,
      children: [],
      peer: '',
      protocol: '',
      bornMs: ms,
      endedMs: undefined,
      steps: [],
      segments: [],
      closing: undefined,
    };
    above?.children.push(track);
    const entry = new Entry(track, this.#charts.get(chart));
    this.#tracks.set(actor, entry);
    if (entry.facts === undefined) this.#paint(entry, ms); // A chart has a state from its first step on.
  }

  #step(line: StepLine, ms: number): void {
    const entry = this.#tracks.get(line.actor);
    if (entry === undefined) return;
    const before = entry.states;
    if (line.from.length > 0 || line.to.length > 0)
      entry.states = [
        ...before.filter((id) => !line.from.includes(id)),
        ...line.to.filter((id) => !before.includes(id) || line.from.includes(id)),
      ];
    if (line.context !== undefined) entry.contexts.patch(ms, line.context);
    if (line.cause.timer !== undefined) entry.timers.end(line.cause.timer, ms);
    const cause = line.cause.step === undefined ? undefined : this.#steps.get(line.cause.step);
    const sender = line.cause.actor === undefined ? undefined : this.#tracks.get(line.cause.actor)?.track;
    const step: Step = {
      index: this.stepsSeen++,
      ms,
      actor: entry.track,
      event: wordsOf(line.event.type),
      fields: line.event,
      cause,
      isTimed: line.cause.timer !== undefined,
      source: sourceOf(line.cause, sender?.name),
      from: pathsOf(line.from, entry.track.chart),
      to: pathsOf(line.to, entry.track.chart),
      at: pathsOf(entry.states, entry.track.chart),
      taken: (line.edges ?? []).flatMap((edge) => entry.facts?.chart.arrows[edge] ?? []),
      states: entry.facts?.withOuter(entry.states) ?? entry.states,
      refused: (line.guards ?? []).map(({ guard }) => guard),
      isIgnored: line.ignored === true,
    };
    this.#steps.set(line.step, step);
    this.#add(entry, step);
    this.#paint(entry, ms);
  }

  /** Steps on the way were left out: one of its own says where they led. */
  #jump(entry: Entry, states: readonly string[], ms: number): void {
    const before = entry.states;
    entry.states = states;
    if (states.length === 0 || `${before}` === `${states}`) return;
    const { chart } = entry.track;
    this.#add(entry, {
      ...{ index: this.stepsSeen++, ms, actor: entry.track, event: 'steps left out', fields: { type: '' } },
      ...{ cause: undefined, source: 'steps that were left out', isTimed: false, refused: [], isIgnored: false, taken: [] },
      from: pathsOf(
        before.filter((id) => !states.includes(id)),
        chart,
      ),
      to: pathsOf(
        states.filter((id) => !before.includes(id)),
        chart,
      ),
      at: pathsOf(states, chart),
      states: entry.facts?.withOuter(states) ?? states,
    });
  }

  #add(entry: Entry, step: Step): void {
    this.steps.push(step);
    entry.track.steps.push(step);
  }

  /** Begins a new segment of the actor's bar, and of the session's above it, where something has changed. */
  #paint(entry: Entry, ms: number): void {
    entry.begin(ms, toneOf(entry, entry.isSession ? this.#protocolBelow(entry.track) : undefined));
    const { parent } = entry.track;
    const above = parent === undefined ? undefined : this.#entry(parent);
    if (above?.isSession === true) above.begin(ms, toneOf(above, this.#protocolBelow(above.track)));
  }

  #protocolBelow({ children }: Track): Entry | undefined {
    const running = children.findLast(({ chart }) => this.#charts.get(chart)?.hasTag('flows') === true);
    return running === undefined ? undefined : this.#entry(running);
  }

  #entry(track: Track): Entry {
    return this.#tracks.get(Number(track.id))!;
  }

  #ms(t: number): number {
    return t - (this.header?.t ?? 0);
  }
}

const WAITS_MAX = 4;

/** The protocol's chart says more than `protocol`, and a link's number more than `link`. */
function nameOf(id: string, kind: string, chart: string): string {
  return id === 'protocol' || /^x:\d+$/.test(id) ? chart || kind : id;
}

function pathsOf(states: readonly string[], chart: string): readonly string[] {
  return states.map((id) => (id.startsWith(`${chart}.`) ? id.slice(chart.length + 1) : id));
}

/** Of several engines each session says whose it is. */
const namedAfter = (session: string, engine: string): string =>
  engine === '' ? shortName(session) : `${shortName(session)} · ${engine}`;

/** `resume 6337e150d82e.20` is session 20 of its engine: the rest is the engine's. */
const shortName = (session: string): string => session.replace(/^(\S+) [0-9a-f]+\.(\d+)$/, '$1 #$2');
