import type { Protocol, ProtocolCommand } from '../protocol.js';

/** How the handle reaches its connection's chart, and says what an application's handler threw. */
export interface HandlePort {
  /** What the session of this round is called, for as long as anything holds it. */
  idOf(round: number): string;
  command(command: ProtocolCommand): void;
  /** One side goes; told once. */
  parting(): void;
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

/** What a handle must know of its protocol. */
export type HandleKind<Message> = Pick<Protocol<Message>, 'sizeOf' | 'copy' | 'boundaries'>;
