import { ports as platformPorts } from '#platform';
import { callback, isThenable, reportCallback, textsOf, wordsOf } from '../../machines/callbacks.js';
import type { EngineLimits, Runtime } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import { POOL_LIMITS, type PoolLimits } from '../../machines/pool/pool.timing.js';
import type { Ports, Transport } from '../../machines/ports.js';
import type { FindContacts } from '../../machines/rendezvous/bootstrap.js';
import { Node } from '../../machines/rendezvous/node.js';
import type { RendezvousNode } from '../../machines/rendezvous/node.settings.js';
import type { SignedMessages, NodeId, SignalingChannel } from '../../machines/rendezvous/rendezvous.messages.js';
import { RENDEZVOUS_LIMITS, type RendezvousLimits } from '../../machines/rendezvous/rendezvous.timing.js';
import { RUNTIMES } from '../../machines/runtime/runtime.js';
import { parseFingerprint } from '../identity/index.js';
import {
  amount,
  anything,
  callable,
  checkOptions,
  count,
  flag,
  having,
  listOf,
  matching,
  members,
  oneOf,
  optional,
  type Check,
  withRenamed,
} from '../options.js';
import { nodeMessageCodec, rendezvousFrames } from './codec.js';
import { signedMessages } from './signed-messages.js';
import { signingWith, type Signing } from './signing.js';

/**
 * The addresses to bootstrap from, in order, or a function that finds them anew for each round. A round in which it throws, returns no
 * list of addresses, or takes longer than `contactsTimeoutMs`, counts as empty; `contacts-failed` gives the reason.
 */
export type Contacts = readonly string[] | (() => readonly string[] | Promise<readonly string[]>);

/** Former names of limits. */
export interface FormerLimits {
  /**
   * The former name of `messagesBurst`.
   * @deprecated Since 0.1.0.
   */
  readonly lettersBurst?: number;
  /**
   * The former name of `messagesPerSecond`.
   * @deprecated Since 0.1.0.
   */
  readonly lettersPerSecond?: number;
}

/** Options of `createNode`. Errors name a wrong option and the expected value. */
export interface NodeOptions {
  /** The node's private key (`makeNodeKey`), or an object that signs for it. */
  readonly key: string | Signing;
  readonly transports: readonly Transport[];
  /** Addresses to accept at, all of one scheme. A node without any is a client. */
  readonly listen?: readonly string[];
  /** The addresses that the node announces, at most four. Default: those it listens at; set it where others see different ones. */
  readonly announce?: readonly string[];
  /** Default none: the first node of a network waits for others. */
  readonly contacts?: Contacts;
  /** Accepts no connections and knows only its bootstrap peer. Default: true without `listen`. */
  readonly isClient?: boolean;
  /**
   * The fingerprint of the certificate that this node's transport shows. Its Hello then vouches for it, and peers must vouch for
   * theirs: a relay between them cannot forward their messages.
   */
  readonly certificate?: string;
  /** Whether to accept an unexpected peer. Default: every peer. */
  readonly wants?: (peer: NodeId) => boolean;
  /** How signed messages travel. Default: through peers that are connected with both. */
  readonly signaling?: SignalingChannel;
  /**
   * The former name of `signaling`.
   * @deprecated Since 0.1.0.
   */
  readonly signalling?: SignalingChannel;
  readonly limits?: Partial<RendezvousLimits> & FormerLimits;
  /** Limits of the connections: messages, keep-alive, queues (`PoolLimits`). */
  readonly connection?: Partial<Omit<PoolLimits, 'connectTimeoutMs'>>;
  readonly engine?: EngineLimits;
  /** The runtime of the charts, as in `createEngine`. Default `compact`. */
  readonly runtime?: Runtime;
  /** Allows a listener that other machines reach without TLS. Default false. A Hello proves which node opened a wire, not which node continues to write on it. */
  readonly insecure?: boolean;
  /** Clock, chance and entropy. Default: this platform's. */
  readonly ports?: Ports;
}

const addresses = listOf('addresses', matching('an address', /^/));
const numbersOf = (defaults: object): Check =>
  members(Object.fromEntries(Object.keys(defaults).map((name) => [name, optional(name.endsWith('Max') ? count : amount)])));
const { connectTimeoutMs: _, ...connectionLimits } = POOL_LIMITS;
const KEY = 'a private key in PEM, or an object with id, sign and verify';
const isKey: Check = (value, path) => (typeof value === 'string' ? [] : having(KEY, 'sign', 'verify')(value, path));
const isContacts: Check = (value, path) => (typeof value === 'function' ? [] : addresses(value, path));
const schema = members({
  key: isKey,
  transports: listOf('transports', anything, 1),
  listen: optional(addresses),
  announce: optional((value, path) =>
    Array.isArray(value) && value.length > 4
      ? [`${path}: expected at most four addresses, got ${value.length}`]
      : addresses(value, path),
  ),
  contacts: optional(isContacts),
  isClient: optional(flag),
  certificate: optional(matching('a fingerprint', /^/)),
  wants: optional(callable),
  signaling: optional(having('an object with a method send(to, message)', 'send')),
  limits: optional(numbersOf(RENDEZVOUS_LIMITS)),
  connection: optional(numbersOf(connectionLimits)),
  engine: anything,
  runtime: optional(oneOf(...RUNTIMES)),
  insecure: optional(flag),
  ports: anything,
});

const RENAMED_LIMITS = { lettersBurst: 'messagesBurst', lettersPerSecond: 'messagesPerSecond' };

/** A node of a network that finds itself. It does nothing before `start()`. */
export function createNode(options: NodeOptions): RendezvousNode {
  const present = withRenamed(options, { signalling: 'signaling' });
  const chosen = withRenamed((present as Partial<NodeOptions> | null)?.limits, RENAMED_LIMITS); // Callers without types hand in null.
  checkOptions(
    'createNode',
    schema,
    chosen === (present as Partial<NodeOptions> | null)?.limits ? present : { ...present, limits: chosen },
  );
  const { key, listen = [], announce, contacts = [], isClient = listen.length === 0, certificate, signaling } = present;
  checkAddresses('listen', listen);
  if (announce !== undefined) checkAddresses('announce', announce);
  if (isClient && listen.length > 0)
    throw new SessionError(
      'bad-option',
      'createNode.listen: expected no addresses with isClient, because a client accepts no connections; leave one of them out',
    );
  const limits: RendezvousLimits = { ...RENDEZVOUS_LIMITS, ...chosen };
  const ports = options.ports ?? platformPorts;
  return new Node(ports, {
    signedMessages: signerOf(key, ports),
    frames: rendezvousFrames,
    peerMessages: nodeMessageCodec,
    transports: options.transports,
    listen,
    announce,
    isClient,
    certificate: certificate === undefined ? undefined : parseFingerprint(certificate),
    findContacts: finding(contacts),
    wants: harmless(options.wants ?? (() => true), ports),
    signalingChannel: signaling === undefined ? undefined : sendingOver(signaling, ports),
    limits,
    pool: { ...POOL_LIMITS, messageBytesMax: 1 << 20, ...options.connection, connectTimeoutMs: limits.unidentifiedTimeoutMs },
    engine: {
      ...(options.insecure === undefined ? {} : { insecure: options.insecure }),
      ...(options.engine === undefined ? {} : { limits: options.engine }),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
    },
  });
}

function signerOf(key: string | Signing, ports: Ports): SignedMessages {
  if (typeof key === 'string') return signedMessages(signingWith(key));
  checkSigning(key);
  const broken = new Uint8Array(SIGNATURE_BYTES); // Peers refuse it as forged; nothing here breaks.
  return signedMessages({
    id: key.id,
    sign: (bytes) => {
      const signature = callback(ports, 'key.sign', () => key.sign(bytes));
      return isSignature(signature) ? signature : broken;
    },
    // Only `true` counts: a promise, or any other value, is no proof.
    verify: (id, bytes, signature) => callback<unknown>(ports, 'key.verify', () => key.verify(id, bytes, signature)) === true,
  });
}

const SIGNATURE_BYTES = 64;

function isSignature(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === SIGNATURE_BYTES;
}

/** Detects functions that return promises (WebCrypto), or that don't belong together, before anything depends on them. */
function checkSigning(key: Signing): void {
  const probe = new TextEncoder().encode('holdfast.rendezvous.v1.probe\0');
  let wrong: string | undefined;
  try {
    const signature: unknown = refuseLate(key.sign(probe));
    if (!isSignature(signature)) wrong = 'sign: expected a Uint8Array of 64 bytes at once, not a promise';
    else if (!Object.is(refuseLate(key.verify(key.id, probe, signature)), true))
      wrong = 'verify: expected true, at once, for what sign has made';
  } catch (error) {
    wrong = wordsOf(error);
  }
  if (wrong !== undefined) throw new SessionError('bad-option', `createNode.key: ${wrong}`);
}

/** A promise is refused at once: its later rejection is ignored. */
function refuseLate(answer: unknown): unknown {
  if (isThenable(answer)) Promise.resolve(answer).catch(() => {});
  return answer;
}

/** Only `true` admits a peer. An answer of another kind (a promise, say) is reported, and counts as no; so does an error. */
function harmless(wants: (peer: NodeId) => unknown, ports: Ports): (peer: NodeId) => boolean {
  return (peer) => {
    let isBoolean = true;
    const answer = callback(ports, 'wants', () => {
      const said = wants(peer);
      isBoolean = typeof said === 'boolean';
      return said;
    });
    if (!isBoolean) reportCallback(ports, 'wants', new TypeError('expected true or false at once; anything else counts as no'));
    return answer === true;
  };
}

/** A letter that can't be sent is lost, as letters may be. */
function sendingOver(signaling: SignalingChannel, ports: Ports): SignalingChannel {
  return { send: (to, message) => void callback(ports, 'signaling.send', () => signaling.send(to, message)) };
}

/** Letters name one transport and the addresses it reaches, each in at most 255 bytes of ASCII. */
function checkAddresses(option: string, addresses: readonly string[]): void {
  const schemes = new Set(addresses.map((address) => address.replace(/:.*$/, '')));
  if (schemes.size > 1)
    throw new SessionError(
      'bad-option',
      `createNode.${option}: expected addresses of one scheme, got ${[...schemes].join(', ')}`,
    );
  const odd = addresses.find((address) => !/^[a-z][a-z0-9+.-]{0,15}:\/\/[\x21-\x7e]{1,230}$/.test(address));
  if (odd !== undefined)
    throw new SessionError(
      'bad-option',
      `createNode.${option}: expected scheme://… in printable ASCII, got ${JSON.stringify(odd)}`,
    );
}

/**
 * The application's contacts, queried by a chart that awaits no promise and waits no longer than its limit. A value that is no
 * list of addresses counts as an empty list, and `contacts-failed` gives the reason.
 */
function finding(contacts: Contacts): FindContacts {
  if (typeof contacts !== 'function')
    return (answer) => {
      answer(contacts);
      return () => {};
    };
  return (answer) => {
    let isWanted = true;
    const found = (value: unknown): void => {
      if (!isWanted) return;
      const read = textsOf(value);
      if ('texts' in read) answer(read.texts);
      else answer([], `contacts(): ${read.reason}`);
    };
    const ask = async (): Promise<unknown> => contacts();
    ask().then(found, (error: unknown) => isWanted && answer([], `contacts() failed: ${wordsOf(error)}`));
    return () => {
      isWanted = false;
    };
  };
}
