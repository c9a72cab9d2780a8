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
export { Keeper, type KeeperNews } from './resume-state.js';
export { TUNNEL_PURPOSE, TunnelEntrance, TunnelExit, type Passage, type Place, type TunnelNews } from './tunnel.js';
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
