/** The common parts of all commands: failures, interrupts, output and parsers of options. */
export { Failed, failedBy, failureOf, Misuse, type Failure } from './failures.js';
export { onInterrupt, wasInterrupted } from './interrupt.js';
export { Output, type Bar } from './output.js';
export {
  addressOf,
  bytesOf,
  hostAndPortOf,
  millisecondsOf,
  schemeOf,
  SCHEMES,
  wholeOf,
  windowOption,
  type Scheme,
} from './parse.js';
export {
  openEngine,
  transportsFor,
  withPeerOptions,
  withVisitorOptions,
  type EngineRequest,
  type PeerOptions,
} from './connect-options.js';
