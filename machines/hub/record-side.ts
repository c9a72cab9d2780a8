import type { RedialPolicy } from '../backoff.js';
import type { Closing } from '../closing.js';
import type { ByteBudget } from '../dataplane/byte-budget.js';
import type { SlabPool } from '../dataplane/send-log.js';
import type { DialPermitRequest } from '../dial-permits.js';
import type { Ports } from '../ports.js';
import type { Protocol } from '../protocol.js';
import type { ConnectionIds } from './connection-ids.js';
import type { EngineEvent } from './events.js';
import type { Metrics } from './metrics.js';

/** The hub, as a record needs it. */
export interface RecordSide<ConnectionRecord> {
  readonly ports: Ports;
  readonly pool: SlabPool;
  /** The bytes that all connections together may hold for their peers. */
  readonly budget: ByteBudget;
  readonly ids: ConnectionIds;
  readonly metrics: Metrics;
  readonly slots: { settle(record: ConnectionRecord): void; limitOf(protocol: Protocol<unknown>): number };
  readonly dialScheduler: { delay(key: string, policy: RedialPolicy): void };
  requestPermit(record: ConnectionRecord, request: DialPermitRequest): () => void;
  tell(event: EngineEvent): void;
  /** Whether anything receives the events of `tell`. */
  readonly isObserved: boolean;
  /** A session begins; `record.role` says which side opened its wire. */
  began(record: ConnectionRecord): void;
  /** The connection that keeps its place if `record` turns out to be to this peer; undefined where `record` may stay. */
  rivalOf(record: ConnectionRecord, peer: string): ConnectionRecord | undefined;
  /** It is to this peer, and stays. */
  identifiedAs(record: ConnectionRecord, peer: string): void;
  yielded(record: ConnectionRecord, peer: string): void;
  /** Its dial has opened, and has said something. */
  opened(record: ConnectionRecord): void;
  completed(record: ConnectionRecord): void;
  lost(record: ConnectionRecord): void;
  resumed(record: ConnectionRecord, afterMs: number): void;
  ended(record: ConnectionRecord, cause: Closing): void;
  /** To the hub's chart, which decides what follows. */
  send(event: { type: 'attempt.failed' | 'connection.rested'; id: number }): void;
  forgetLinks(record: ConnectionRecord): void;
}
