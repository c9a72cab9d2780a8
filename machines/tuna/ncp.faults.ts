import type { NcpLink } from './ncp.link.js';
import type { NcpSignal } from './ncp.seed.js';
import type { FaultPart } from './strikes.js';
import type { Fault, FaultCode } from './tuna.messages.js';

/** The fault of the last packet that was refused, and the part of it that was wrong. */
export class Refusal {
  fault: Fault = { code: 'malformed', rule: 'NCP-14' };
  part: FaultPart = 'packet';

  /** Notes it; always false, for the caller to answer with. */
  of(code: FaultCode, rule: string, part: FaultPart): false {
    this.fault = { code, rule };
    this.part = part;
    return false;
  }
}

/**
 * The effect of a fault that the peer reports. On a wire that may be a recording it ends that wire at most, as a close does;
 * and that there is no room is no word about a session that there is.
 * @rule NCP-16
 */
export function signalOf(fault: Fault, isClose: boolean, l: NcpLink, isEstablished: boolean): NcpSignal {
  const isFull = fault.code === 'busy' || fault.code === 'limit-reached';
  const isOfSession = isClose && !l.isChallenged && !l.isReserve && !(isFull && isEstablished);
  return isOfSession ? { type: 'peer.accused', fault } : { type: 'link.accused', link: l.index, fault };
}
