/** Files over a stream of a session (`spec/rules/transfers.md`). */
export { TRANSFER_CODES, type OfferedFile, type TransferCode } from './payloads.js';
export { decodeRecord, encodeRecord, type TransferRecord } from './codec.js';
export { TransferError } from './record-stream.js';
export { Receiver, TRANSFER_PURPOSE, type FileReport, type Progress, type ReceiverOptions } from './receiver.js';
export { sendFiles, type SenderOptions } from './sender.js';
export { FileSource, PipeSource, type Source } from './source.js';
