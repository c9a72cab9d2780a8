import { InvalidArgumentError, type Command } from 'commander';
import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { Protocol } from '../../machines/protocol.js';
import type { LinkContext } from '../../machines/tuna/link.machine.js';
import { resume, type ResumeOptions } from '../resume/index.js';
import { tuna, TUNA_LINKS_MAX, type TunaOptions } from '../tuna/index.js';
import { Misuse } from './failures.js';
import { wholeOf } from './parse.js';

/** The number of links of a session, and its protocol. */
export interface LinksOptions {
  readonly links?: number;
  readonly protocol?: ProtocolName;
}

const PROTOCOLS = ['resume', 'tuna'] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

/** `--links` where a session begins, `--protocol` on both sides. */
export function withLinksOptions(command: Command, side: 'dial' | 'listen', links = '1, or 4 with tuna'): Command {
  if (side === 'listen')
    return command.option(
      '--protocol <name>',
      'serve only resume, or only tuna (default: both; the listener detects the protocol)',
      protocolOf,
    );
  return command
    .option(
      '--links <n>',
      `number of parallel connections of the session, 1 to ${TUNA_LINKS_MAX} (default: ${links})`,
      wholeOf(1, TUNA_LINKS_MAX),
    )
    .option('--protocol <name>', 'resume (one link) or tuna (default: resume for one link, tuna for more)', protocolOf);
}

function protocolOf(text: string): ProtocolName {
  const found = PROTOCOLS.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`expected ${PROTOCOLS.join(' or ')}, got "${text}"`);
  return found;
}

/** The protocol and the number of links. @throws Misuse where they contradict each other. */
export function chosen({ links, protocol }: LinksOptions): { readonly protocol: ProtocolName; readonly links: number } {
  if (protocol === 'resume' && links !== undefined && links > 1)
    throw new Misuse(
      `--links ${links}: expected 1 with resume, which has one link; pass --protocol tuna for up to ${TUNA_LINKS_MAX}`,
    );
  const name = protocol ?? (links !== undefined && links > 1 ? 'tuna' : 'resume');
  return { protocol: name, links: links ?? (name === 'tuna' ? LINKS : 1) };
}

/** As many as nkn-tuna-session has. */
const LINKS = 4;

/** Limits and redials of a command, for either protocol. */
export interface LinksSettings {
  readonly resume?: ResumeOptions;
  readonly tuna?: TunaOptions;
  /** How long the session may be without any link. */
  readonly window?: number;
}

/** The protocol of a dialer. @throws Misuse where options contradict each other. */
export function dialedProtocol(options: LinksOptions, settings: LinksSettings = {}): Protocol<Uint8Array> {
  const { protocol, links } = chosen(options);
  return made(protocol, settings, { numTunaListeners: links });
}

/** The protocols of a listener, with as many links as a dialer may have. */
export function servedProtocols({ protocol }: LinksOptions, settings: LinksSettings = {}): readonly Protocol<Uint8Array>[] {
  const names = protocol === undefined ? PROTOCOLS : [protocol];
  return names.map((name) => made(name, settings, { numTunaListeners: TUNA_LINKS_MAX }));
}

function made(name: ProtocolName, { window, ...given }: LinksSettings, options: TunaOptions): Protocol<Uint8Array> {
  const common = window === undefined ? {} : { reconnectWindowMs: window };
  return name === 'resume' ? resume({ ...common, ...given.resume }) : tuna({ ...common, ...given.tuna, ...options });
}

/** A link carries packets for the first time, carries none any more, or carries them again. */
export interface LinkNews {
  readonly link: number;
  readonly word: 'joined' | 'lost' | 'back';
  /** Of the session's links, how many carry packets now. */
  readonly carrying: number;
  /** `back`: how long it was away. */
  readonly afterMs: number;
}

/**
 * Follows the links of an engine's sessions by inspection events. The session itself reports no event when one of several links
 * is lost.
 */
export class LinkWatch {
  readonly #sessions = new WeakMap<AnyActorRef, Map<number, LinkState>>();

  constructor(public tell: (news: LinkNews) => void = () => {}) {}

  readonly inspect = ({ type, ...event }: InspectionEvent): void => {
    if (type !== '@xstate.snapshot' || !('snapshot' in event)) return;
    const { _parent: session } = event.actorRef as AnyActorRef & { _parent?: AnyActorRef };
    const snapshot = event.snapshot as AnyMachineSnapshot;
    if (session === undefined || snapshot.machine?.id !== 'link') return;
    this.#follow(session, event.actorRef as AnyActorRef, snapshot);
  };

  #follow(session: AnyActorRef, actor: AnyActorRef, snapshot: AnyMachineSnapshot): void {
    const { slot, session: own } = snapshot.context as LinkContext;
    const index = slot % own.plane.input.limits.numTunaListeners; // A wire that replaces another one has a slot of its own.
    let links = this.#sessions.get(session);
    if (links === undefined) this.#sessions.set(session, (links = new Map<number, LinkState>()));
    let link = links.get(index);
    if (link === undefined) links.set(index, (link = { carriers: new Set(), lostAt: undefined }));
    const wasUp = link.carriers.size > 0;
    if (snapshot.status === 'active' && snapshot.hasTag('joined')) link.carriers.add(actor);
    else link.carriers.delete(actor);
    const isUp = link.carriers.size > 0;
    if (isUp === wasUp) return;
    const carrying = [...links.values()].filter(({ carriers }) => carriers.size > 0).length;
    if (!isUp) {
      link.lostAt = performance.now();
      this.tell({ link: index, word: 'lost', carrying, afterMs: 0 });
    } else if (link.lostAt !== undefined)
      this.tell({ link: index, word: 'back', carrying, afterMs: performance.now() - link.lostAt });
    else this.tell({ link: index, word: 'joined', carrying, afterMs: 0 });
  }
}

interface LinkState {
  /** A wire and the one that replaces it are two actors. */
  readonly carriers: Set<AnyActorRef>;
  lostAt: number | undefined;
}
