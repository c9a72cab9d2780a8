/** Many ordered byte streams over one session (`spec/rules/streams.md`), as Node Duplex streams. */
export { StreamSession, type CloseOptions, type Offer, type StreamSessionOptions } from './session.js';
export { SessionStream } from './stream.js';
export { StreamError } from './errors.js';
export {
  STREAM_CODES,
  STREAMS_LIMITS,
  type StreamCode,
  type StreamFrame,
  type StreamsLimits,
} from '../../machines/streams/streams.messages.js';
export { ReconnectingSession, type ReconnectingSessionEvents } from './reconnecting-session.js';
export { TUNNEL_PURPOSE, TunnelEntrance, TunnelExit, type TunneledConnection, type Place, type TunnelNews } from './tunnel.js';
export { decodeFrame, encodeFrame } from './codec.js';
export {
  FileSource,
  PipeSource,
  Receiver,
  sendFiles,
  TRANSFER_PURPOSE,
  TransferError,
  type FileReport,
  type Progress,
  type ReceiverOptions,
  type SenderOptions,
  type Source,
  type TransferCode,
} from './transfer/index.js';

import { ReconnectingSession, type ReconnectingSessionEvents } from './reconnecting-session.js';
import type { TunneledConnection } from './tunnel.js';

/**
 * The former name of `ReconnectingSession`.
 * @deprecated Since 0.1.0.
 */
export const Keeper = ReconnectingSession;
/**
 * The former name of `ReconnectingSession`.
 * @deprecated Since 0.1.0.
 */
export type Keeper = ReconnectingSession;
/**
 * The former name of `ReconnectingSessionEvents`.
 * @deprecated Since 0.1.0.
 */
export type KeeperNews = ReconnectingSessionEvents;
/**
 * The former name of `TunneledConnection`.
 * @deprecated Since 0.1.0.
 */
export type Passage = TunneledConnection;
