import { InvalidArgumentError, type Command } from 'commander';
import { createEngine, type Engine, type EngineOptions } from '../index.js';
import { loadIdentity, parseFingerprint, type OwnIdentity } from '../identity/index.js';
import { isLoopbackAddress } from '../../machines/loopback.js';
import type { Transport } from '../../machines/ports.js';
import { Failed, Misuse } from './failures.js';
import type { Output } from './output.js';
import { schemeOf, type Scheme } from './parse.js';

/** Who we are and whom we let in, as asked for on the command line. */
export interface ReachOptions {
  /** Directory with `key.pem` and `cert.pem`. */
  readonly identity?: string;
  /** Fingerprints of the keys that will do. */
  readonly trust?: readonly string[];
  /** Lets a listener that anybody could reach do without identities. */
  readonly insecure?: boolean;
  /** Web pages that may connect to a ws:// or wss:// listener, and names by which it may be called. */
  readonly origin?: readonly string[];
  readonly host?: readonly string[];
}

export function withReachOptions(command: Command): Command {
  return command
    .option('--identity <dir>', 'the key and certificate to show, as made by `holdfast cert`; needed for tls:// and wss://')
    .option('--trust <fingerprint...>', 'the peers that will do; others are sent away', trusted)
    .option('--insecure', 'listen although others than this machine can connect, whoever they are');
}

function trusted(text: string, before: readonly string[] = []): readonly string[] {
  try {
    return [...before, parseFingerprint(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

export interface EngineRequest extends Pick<EngineOptions, 'protocols' | 'limits' | 'inspect'> {
  /** Addresses to accept at. */
  readonly listen?: readonly string[];
  /** Addresses that will be dialed; only their schemes matter here. */
  readonly dial?: readonly string[];
}

/**
 * A started engine with the transports that its addresses need, and no others loaded.
 *
 * @throws Misuse for addresses and options that don't go together, Failed where an address can't be listened at
 */
export async function openEngine(request: EngineRequest, reach: ReachOptions, output: Output): Promise<Engine> {
  const { listen = [], dial = [], protocols, limits, inspect } = request;
  refuseToBeOpen(listen, reach);
  const transports = await transportsFor([...listen, ...dial], reach);
  if (reach.trust === undefined && dial.some((address) => isSecure(schemeOf(address))))
    output.warn('no --trust given: whoever answers at that address will do');
  const insecure = reach.insecure ?? false;
  const optional = { ...(limits === undefined ? {} : { limits }), ...(inspect === undefined ? {} : { inspect }) };
  const engine = createEngine({ transports, protocols, listen, insecure, ...optional });
  await engine.start().catch(async (error: Error) => {
    await engine.shutdown({ deadlineMs: 0 });
    throw new Failed(error.message, 'Check that the address is this machine’s and that nobody listens there already.', {
      cause: error,
    });
  });
  return engine;
}

/** For commands that listen. */
export function withVisitorOptions(command: Command): Command {
  return command
    .option('--origin <url...>', 'web pages that may connect over ws:// or wss://, e.g. https://app.example; none otherwise')
    .option('--host <name...>', 'names by which a ws:// or wss:// listener may be called, besides its own address and localhost');
}

/** One transport per scheme; a command that speaks TCP does not wait for TLS and WebSocket to load. */
export async function transportsFor(addresses: readonly string[], reach: ReachOptions): Promise<Transport[]> {
  const schemes = new Set(addresses.map(schemeOf));
  const trust = reach.trust?.map(parseFingerprint);
  const identity = await identityFor(schemes, reach);
  refuseIdleVisitorOptions(schemes, reach);
  const secured = (): { identity: OwnIdentity; trust?: readonly string[] } => ({
    identity: identity!,
    ...(trust ? { trust } : {}),
  });
  return Promise.all(
    [...schemes].map(async (scheme) => {
      if (scheme === 'tcp') return (await import('../../transports/tcp.js')).tcp();
      if (scheme === 'tls') return (await import('../../transports/tls.js')).tls(secured());
      const { websocket } = await import('../../transports/websocket.js');
      try {
        return websocket({ ...(scheme === 'wss' ? secured() : {}), origins: reach.origin ?? [], hosts: reach.host ?? [] });
      } catch (error) {
        const [, list, why] = /^(origins|hosts): (.*)$/s.exec((error as Error).message) ?? [];
        throw list === undefined ? error : new Misuse(`${list === 'origins' ? '--origin' : '--host'}: ${why}`);
      }
    }),
  );
}

/** They are asked for where upgrades are: elsewhere silence would let people believe that they hold. */
function refuseIdleVisitorOptions(schemes: ReadonlySet<Scheme>, { origin, host }: ReachOptions): void {
  if (schemes.has('ws') || schemes.has('wss') || (origin === undefined && host === undefined)) return;
  const name = origin === undefined ? 'host' : 'origin';
  throw new Misuse(`--${name}: there are no web pages over ${[...schemes].join(', ')}://; it is for ws:// and wss://`);
}

async function identityFor(schemes: ReadonlySet<Scheme>, { identity, trust }: ReachOptions): Promise<OwnIdentity | undefined> {
  const secure = [...schemes].find(isSecure);
  if (secure === undefined) {
    // Silence here would let people believe that somebody checks.
    if (identity !== undefined || trust !== undefined)
      throw new Misuse(
        `--${identity === undefined ? 'trust' : 'identity'}: nobody proves anything over ${[...schemes].join(', ')}://; use tls:// or wss://`,
      );
    return undefined;
  }
  if (identity === undefined) throw new Misuse(`${secure}:// needs --identity <dir>; \`holdfast cert --out <dir>\` makes one`);
  return loadIdentity(identity);
}

/** A listener that others than this machine can reach says whom it lets in, or that it knows what it does. */
function refuseToBeOpen(listen: readonly string[], { trust, insecure }: ReachOptions): void {
  if (insecure === true) return;
  const open = listen.find((address) => !isLoopbackAddress(address) && !(isSecure(schemeOf(address)) && trust !== undefined));
  if (open === undefined) return;
  const how = isSecure(schemeOf(open)) ? 'pass --trust <fingerprint>' : 'use tls:// or wss:// with --identity and --trust';
  throw new Misuse(`${open} can be reached by anybody; ${how}, or --insecure if that is meant`);
}

function isSecure(scheme: Scheme): boolean {
  return scheme === 'tls' || scheme === 'wss';
}
