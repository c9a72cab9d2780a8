export { createNode, type Contacts, type NodeOptions } from './node.js';
export { makeNodeKey, signingWith, type Signing } from './signing.js';
export { MAGIC, nodeMessageCodec, rendezvousFrames, VERSION } from './codec.js';
export { signedMessages } from './signed-messages.js';
export type { MeetResult, NodeNews, NodePhase, NodeSizes, RendezvousNode } from '../../machines/rendezvous/node.settings.js';
export type { Peer } from '../../machines/rendezvous/peer-link.js';
export type {
  ConnectRequest,
  ConnectResponse,
  Hello,
  NodeId,
  SignalingChannel,
} from '../../machines/rendezvous/rendezvous.messages.js';
export { OUTCOMES, type Outcome, type OutcomeCounts } from '../../machines/rendezvous/rendezvous.outcomes.js';
export { RENDEZVOUS_LIMITS, type RendezvousLimits } from '../../machines/rendezvous/rendezvous.timing.js';

import type { SignalingChannel } from '../../machines/rendezvous/rendezvous.messages.js';
import { nodeMessageCodec } from './codec.js';
import { signedMessages } from './signed-messages.js';

/**
 * The former name of `nodeMessageCodec`.
 * @deprecated Since 0.1.0.
 */
export const postCodec = nodeMessageCodec;
/**
 * The former name of `signedMessages`.
 * @deprecated Since 0.1.0.
 */
export const lettersOf = signedMessages;
/**
 * The former name of `SignalingChannel`.
 * @deprecated Since 0.1.0.
 */
export type Signalling = SignalingChannel;
