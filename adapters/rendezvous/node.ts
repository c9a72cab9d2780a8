import { ports as platformPorts } from '#platform';
import { z } from 'zod';
import type { EngineLimits } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import { POOL_LIMITS, type PoolLimits } from '../../machines/pool/pool.timing.js';
import type { Ports, Transport } from '../../machines/ports.js';
import { Node } from '../../machines/rendezvous/node.js';
import type { RendezvousNode } from '../../machines/rendezvous/node.settings.js';
import type { Letters, NodeId, Signalling } from '../../machines/rendezvous/rendezvous.messages.js';
import { RENDEZVOUS_LIMITS, type RendezvousLimits } from '../../machines/rendezvous/rendezvous.timing.js';
import { parseFingerprint } from '../identity/index.js';
import { amount, callable, checkOptions, count, flag } from '../options.js';
import { postCodec, rendezvousFrames } from './codec.js';
import { lettersOf } from './letters.js';
import { signingWith, type Signing } from './signing.js';

/** Where to begin: addresses in the order in which to try them, or a function that finds them anew for each round. */
export type Contacts = readonly string[] | (() => readonly string[] | Promise<readonly string[]>);

/** What `createNode` takes. Anything that is wrong is named, with what was expected. */
export interface NodeOptions {
  /** The node's private key (`makeNodeKey`), or whatever signs in its name. */
  readonly key: string | Signing;
  readonly transports: readonly Transport[];
  /** Addresses to accept at, all of one scheme. A node without any is a client. */
  readonly listen?: readonly string[];
  /** What peers are told to dial, at most four. Default: where it listens; say it where that is not what others see. */
  readonly announce?: readonly string[];
  /** Default none: the first node of a network waits for others. */
  readonly contacts?: Contacts;
  /** Accepts nobody and knows nobody but its bootstrap peer. Default: whether there is nothing to listen at. */
  readonly isClient?: boolean;
  /**
   * The fingerprint of the certificate that this node's transport shows. Its Hello then vouches for it, and peers must vouch for
   * theirs: nobody in between can pass on what both say.
   */
  readonly certificate?: string;
  /** Whether a peer that nobody here asked for may come. Default: everybody. */
  readonly wants?: (peer: NodeId) => boolean;
  /** How letters travel. Default: through peers that are connected with both. */
  readonly signalling?: Signalling;
  readonly limits?: Partial<RendezvousLimits>;
  /** Limits of the connections: messages, keep-alive, queues (`PoolLimits`). */
  readonly connection?: Partial<Omit<PoolLimits, 'connectTimeoutMs'>>;
  readonly engine?: EngineLimits;
  /** Lets it listen where others than this machine come without proof by TLS. Default false. Hellos prove who opened a wire, not who goes on writing on it. */
  readonly insecure?: boolean;
  /** Clock, chance and entropy. Default: this platform's. */
  readonly ports?: Ports;
}

const texts = z.array(z.string({ error: 'expected an address' }), { error: 'expected a list of addresses' });
const numbersOf = (defaults: object): z.ZodType =>
  z.strictObject(Object.fromEntries(Object.keys(defaults).map((name) => [name, name.endsWith('Max') ? count.optional() : amount.optional()]))); // prettier-ignore
const { connectTimeoutMs: _, ...connectionLimits } = POOL_LIMITS;
const schema = z.strictObject({
  key: z.union([z.string(), z.looseObject({ id: z.string().regex(/^[0-9a-f]{64}$/), sign: callable, verify: callable })], {
    error: 'expected a private key in PEM, or an object with id, sign and verify',
  }),
  transports: z
    .array(z.unknown(), { error: 'expected a list of transports' })
    .min(1, { error: 'expected at least one transport' }),
  listen: texts.optional(),
  announce: texts.max(4, { error: 'expected at most four addresses' }).optional(),
  contacts: z.union([texts, callable], { error: 'expected a list of addresses or a function' }).optional(),
  isClient: flag.optional(),
  certificate: z.string({ error: 'expected a fingerprint' }).optional(),
  wants: callable.optional(),
  signalling: z.looseObject({ send: callable }, { error: 'expected an object with a method send(to, letter)' }).optional(),
  limits: numbersOf(RENDEZVOUS_LIMITS).optional(),
  connection: numbersOf(connectionLimits).optional(),
  engine: z.unknown().optional(),
  insecure: flag.optional(),
  ports: z.unknown().optional(),
});

/** A node of a network that finds itself. It does nothing before `start()`. */
export function createNode(options: NodeOptions): RendezvousNode {
  checkOptions('createNode', schema, options);
  const { key, listen = [], announce, contacts = [], isClient = listen.length === 0, certificate, signalling } = options;
  checkAddresses('listen', listen);
  if (announce !== undefined) checkAddresses('announce', announce);
  if (isClient && listen.length > 0)
    throw new SessionError('bad-option', 'createNode.listen: a client accepts nobody, and needs no address to do so');
  const limits: RendezvousLimits = { ...RENDEZVOUS_LIMITS, ...options.limits };
  const ports = options.ports ?? platformPorts;
  return new Node(ports, {
    letters: letterHead(key),
    frames: rendezvousFrames,
    posts: postCodec,
    transports: options.transports,
    listen,
    announce,
    isClient,
    certificate: certificate === undefined ? undefined : parseFingerprint(certificate),
    findContacts: finding(contacts),
    wants: harmless(options.wants ?? (() => true), ports),
    signalling,
    limits,
    pool: { ...POOL_LIMITS, messageBytesMax: 1 << 20, ...options.connection, connectTimeoutMs: limits.unidentifiedTimeoutMs },
    engine: {
      ...(options.insecure === undefined ? {} : { insecure: options.insecure }),
      ...(options.engine === undefined ? {} : { limits: options.engine }),
    },
  });
}

function letterHead(key: string | Signing): Letters {
  return lettersOf(typeof key === 'string' ? signingWith(key) : key);
}

/** An application that throws when it is asked has said no; the error comes up on a stack of its own. */
function harmless(wants: (peer: NodeId) => boolean, { clock }: Ports): (peer: NodeId) => boolean {
  return (peer) => {
    try {
      return wants(peer);
    } catch (error) {
      clock.setTimeout(() => {
        throw error;
      }, 0);
      return false;
    }
  };
}

/** Letters say one transport and the addresses it reaches, each in at most 255 bytes of ASCII. */
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

/** The application's contacts, asked by a chart that waits for no promise. One that fails has found nobody. */
function finding(contacts: Contacts): (answer: (addresses: readonly string[]) => void) => () => void {
  if (typeof contacts !== 'function')
    return (answer) => {
      answer(contacts);
      return () => {};
    };
  return (answer) => {
    let isWanted = true;
    const found = (addresses: readonly string[]): void => {
      if (isWanted) answer(addresses);
    };
    const ask = async (): Promise<readonly string[]> => contacts();
    ask().then(found, () => found([]));
    return () => {
      isWanted = false;
    };
  };
}
