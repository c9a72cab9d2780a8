import { toHex } from '../bytes.js';
import { REDIAL, type RedialPolicy } from '../../machines/backoff.js';
import { asProtocol } from '../../machines/context-safe.js';
import { SessionError } from '../../machines/errors.js';
import { messageBytes } from '../../machines/dataplane/message-bytes.js';
import type { Identified, Protocol, Session, SessionRequest, Admission } from '../../machines/protocol.js';
import { resumeMachine } from '../../machines/resume/resume.machine.js';
import type { Hello, RefusalCode } from '../../machines/resume/resume.messages.js';
import { ResumePlane } from '../../machines/resume/resume.plane.js';
import { RESUME_LIMITS, type ResumeLimits } from '../../machines/resume/resume.timing.js';
import type { Identity } from '../../machines/ports.js';
import { amount, checkOptions, count, given, members, optional, redialPolicy, window, withRenamed } from '../options.js';
import { looksLikeResume, resumeCodec } from './codec.js';

export { MAGIC, VERSION, resumeCodec } from './codec.js';
export { RESUME_LIMITS, type ResumeLimits };

/** Options of the resume protocol, besides its limits and delays (`ResumeLimits`). Unknown options and values out of range throw `bad-option`. */
export interface ResumeOptions extends Partial<ResumeLimits> {
  /** When to dial again after a loss. Default: at once if the wire had lived over 1 s, then 50 ms … 5 s with full jitter. */
  readonly redial?: RedialPolicy;
  /** Sessions at once. Default 100 000. */
  readonly connectionsMax?: number;
  /** Number of the first message of a session; for tests of the wrap. Default 1. */
  readonly first?: number;
  /**
   * The former name of `helloTimeoutMs`.
   * @deprecated Since 0.1.0.
   */
  readonly greetingTimeoutMs?: number;
}

const RENAMED = { greetingTimeoutMs: 'helloTimeoutMs' };

/** Sessions that outlive their wires: exactly once, in order, both ways (`spec/rules/resume.md`). */
export function resume(options: ResumeOptions = {}): Protocol<Uint8Array> {
  const present = withRenamed(options, RENAMED);
  checkOptions('resume', OPTIONS, present);
  const { redial = REDIAL.session, connectionsMax = 100_000, first, ...own } = given(present);
  const { sendBytesMax = RESUME_LIMITS.sendBytesMax } = own;
  const limits = checked({ ...RESUME_LIMITS, sendBytesHigh: sendBytesMax / 2, ...own });
  return asProtocol({
    name: 'resume',
    alpn: 'holdfast.resume.v1',
    machine: resumeMachine,
    delivery: 'acknowledged',
    boundaries: 'message',
    keyed: 'session',
    redial,
    connectionsMax,
    openingBytesMax: 4096,
    openingTimeoutMs: limits.helloTimeoutMs,
    tombstoneMs: limits.reconnectWindowMs,
    sizeOf: messageBytes,
    copy: (message) => new Uint8Array(message), // `slice` of a Node Buffer would not copy.
    makeSession: (request) => makeSession(request, limits, first),
    identify,
    refusal: (code, retryAfterMs) => refusal(code === 'crossed' ? 'busy' : code, retryAfterMs), // Sessions never cross.
  });
}

function makeSession(request: SessionRequest, limits: ResumeLimits, first: number | undefined): Session {
  const { role, ports, pool, identity } = request;
  const hello = request.opening as Hello | undefined;
  const session = hello?.session ?? ports.entropy(16);
  const plane = new ResumePlane({
    role,
    session,
    birthToken: hello?.token,
    codec: resumeCodec,
    limits,
    entropy: ports.entropy,
    pool,
    ...(first === undefined ? {} : { first }),
  });
  return new ResumeSession(toHex(session), plane, identity);
}

class ResumeSession implements Session {
  constructor(
    readonly label: string,
    readonly plane: ResumePlane,
    readonly owner: Identity | undefined,
  ) {}

  /** A session belongs to the identity it was born with (RES-5). */
  authorize(opening: unknown, who: Identity | undefined): Admission {
    const code = this.owner?.fingerprint === who?.fingerprint ? this.plane.authorize(opening as Hello) : 'token-refused';
    return code === undefined ? { admit: true } : { admit: false, code, say: refusal(code, 0) };
  }
}

function identify(bytes: Uint8Array): Identified {
  const looks = looksLikeResume(bytes);
  if (looks === false) return { word: 'foreign' };
  if (looks === undefined) return { word: 'more' };
  const frameBytes = resumeCodec.frameBytes(bytes, 0);
  if (frameBytes > OPENING_FRAME_BYTES_MAX) return { word: 'refuse', code: 'malformed', say: refusal('malformed', 0) };
  if (bytes.length < frameBytes) return { word: 'more' };
  const hello = resumeCodec.hello(bytes, 0, frameBytes);
  if (hello === undefined) return { word: 'refuse', code: 'malformed', say: refusal('malformed', 0) };
  if (hello.versionMin > resumeCodec.versionMax || hello.versionMax < resumeCodec.versionMin)
    return { word: 'refuse', code: 'version-unsupported', say: refusal('version-unsupported', 0) };
  return { word: 'known', label: toHex(hello.session), isNew: !hello.resume, opening: hello };
}

/** Later versions may append to the hello, within reason. */
const OPENING_FRAME_BYTES_MAX = 1024;

function refusal(code: RefusalCode, retryAfterMs: number): Uint8Array {
  return resumeCodec.putRefused({ code, retryAfterMs, versionMin: resumeCodec.versionMin, versionMax: resumeCodec.versionMax });
}

const OPTIONS = members({
  ...Object.fromEntries(Object.keys(RESUME_LIMITS).map((name) => [name, optional(amount)])),
  reconnectWindowMs: optional(window),
  redial: optional(redialPolicy),
  connectionsMax: optional(count),
  first: optional(count),
});

/** Credit is counted in 48 bits, as the sum of all that was ever received and of this. */
const RECEIVE_BYTES_MAX = 2 ** 40;

function checked(limits: ResumeLimits): ResumeLimits {
  const { messageBytesMax, receiveBytesMax, sendBytesMax } = limits;
  if (receiveBytesMax > RECEIVE_BYTES_MAX)
    throw new SessionError('bad-option', `resume.receiveBytesMax: expected at most ${RECEIVE_BYTES_MAX}, got ${receiveBytesMax}`);
  if (messageBytesMax > 2 ** 24 - 16)
    throw new SessionError('bad-option', `resume.messageBytesMax: expected at most ${2 ** 24 - 16}, got ${messageBytesMax}`);
  // Credit comes in quarters of the bound; a message that fits no remainder would wait for ever.
  for (const [name, bound] of [
    ['receiveBytesMax', receiveBytesMax],
    ['sendBytesMax', sendBytesMax],
  ] as const) {
    if (bound < 2 * (messageBytesMax + 64))
      throw new SessionError(
        'bad-option',
        `resume.${name}: expected at least twice messageBytesMax (${messageBytesMax}), got ${bound}`,
      );
  }
  return limits;
}
