export { createNode, type Contacts, type NodeOptions } from './node.js';
export { makeNodeKey, signingWith, type Signing } from './signing.js';
export { MAGIC, postCodec, rendezvousFrames, VERSION } from './codec.js';
export { lettersOf } from './signed-messages.js';
export type { MeetResult, NodeNews, NodePhase, NodeSizes, RendezvousNode } from '../../machines/rendezvous/node.settings.js';
export type { Peer } from '../../machines/rendezvous/peer-link.js';
export type {
  ConnectRequest,
  ConnectResponse,
  Hello,
  NodeId,
  Signalling,
} from '../../machines/rendezvous/rendezvous.messages.js';
export { OUTCOMES, type Outcome, type OutcomeCounts } from '../../machines/rendezvous/rendezvous.outcomes.js';
export { RENDEZVOUS_LIMITS, type RendezvousLimits } from '../../machines/rendezvous/rendezvous.timing.js';
