import { ConnectionHandle, type Connection } from '../connection/connection-handle.js';
import type { HandleKind, SharedMessage } from '../connection/connection-handle.port.js';
import { SessionError } from '../errors.js';

/** To which connections a message goes. */
export interface BroadcastOptions<Message = Uint8Array> {
  /** Default: all completed connections of the engine, those without a wire at the moment too. */
  readonly to?: Iterable<Connection<Message>>;
}

/** The outcome of a message for many connections. Each connection is in `accepted` or in `refused`. */
export interface BroadcastResult<Message = Uint8Array> {
  /** They have the message, with the guarantees of their protocol. */
  readonly accepted: readonly Connection<Message>[];
  /** Those that accepted it and are behind, where `write` would have returned false: wait for `drained()` before their next one. */
  readonly behind: readonly Connection<Message>[];
  /** They did not take it, each for its own reason: `queue-full`, `closed`, `too-large`, `not-a-message`. */
  readonly refused: readonly { readonly connection: Connection<Message>; readonly error: SessionError }[];
}

/**
 * One message for many connections: measured, encoded and copied once for each protocol among them. Its bytes count against
 * the bounds of every connection all the same.
 */
export function broadcast<Message>(message: Message, to: Iterable<Connection<Message>>): BroadcastResult<Message> {
  const accepted: Connection<Message>[] = [];
  const behind: Connection<Message>[] = [];
  const refused: { connection: Connection<Message>; error: SessionError }[] = [];
  const shared = new Map<HandleKind<Message>, SharedMessage<Message>>();
  for (const connection of to) {
    try {
      const mayGoOn =
        connection instanceof ConnectionHandle ? writeShared(connection, message, shared) : connection.write(message);
      accepted.push(connection);
      if (!mayGoOn) behind.push(connection);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      refused.push({ connection, error });
    }
  }
  return { accepted, behind, refused };
}

function writeShared<Message>(
  connection: ConnectionHandle<Message>,
  message: Message,
  known: Map<HandleKind<Message>, SharedMessage<Message>>,
): boolean {
  const { kind } = connection;
  let shared = known.get(kind);
  if (shared === undefined) {
    const encoded = kind.encode?.(message);
    const bytes = encoded?.length ?? kind.sizeOf(message);
    known.set(kind, (shared = { message: kind.copy(message), copy: false, encoded, bytes }));
  }
  return connection.write(shared.message, shared);
}
