import type { Protocol, ProtocolCommand } from '../protocol.js';

/** How the handle reaches its connection's chart, and says what an application's handler threw. */
export interface HandlePort {
  /** The id of this round's session, as long as it is referenced. */
  idOf(round: number): string;
  command(command: ProtocolCommand): void;
  /** One side has begun to close; called once. */
  closeStarted(): void;
  /** A handler of the application threw. */
  raise(error: unknown): void;
}

export interface HandleFacts {
  /** Which session of its connection it is, from 1. */
  readonly round: number;
  readonly protocol: string;
  readonly peer: string;
  readonly role: 'dialer' | 'acceptor';
}

/** A message that `broadcast` gives to several sessions; it never changes. */
export interface SharedMessage<Message> {
  readonly message: Message;
  readonly copy: false;
  readonly encoded: Uint8Array | undefined;
  readonly bytes: number;
}

/** The facts about its protocol that a handle needs. */
export type HandleKind<Message> = Pick<Protocol<Message>, 'sizeOf' | 'encode' | 'copy' | 'boundaries'>;
