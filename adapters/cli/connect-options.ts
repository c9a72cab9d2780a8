import { InvalidArgumentError, type Command } from 'commander';
import { createEngine, type Engine, type EngineOptions } from '../index.js';
import { loadIdentity, parseFingerprint, type OwnIdentity } from '../identity/index.js';
import { isLoopbackAddress } from '../../machines/loopback.js';
import type { Transport } from '../../machines/ports.js';
import { Failed, Misuse } from './failures.js';
import type { Output } from './output.js';
import { schemeOf, type Scheme } from './parse.js';
import { recordEngine } from './recording.js';

/** Options of identity and trust, from the command line. */
export interface PeerOptions {
  /** Directory with `key.pem` and `cert.pem`. */
  readonly identity?: string;
  /** Fingerprints of the accepted keys. */
  readonly trust?: readonly string[];
  /** Allows a listener that other machines can reach without proof of identity. */
  readonly insecure?: boolean;
  /** Origins of web pages that may connect to a ws:// or wss:// listener, and host names that dialers may use for it. */
  readonly origin?: readonly string[];
  readonly host?: readonly string[];
}

export function withPeerOptions(command: Command): Command {
  return command
    .option('--identity <dir>', 'directory with the key and certificate from `holdfast cert`; required for tls:// and wss://')
    .option('--trust <fingerprint...>', 'the fingerprints of the accepted peers; other peers are refused', trusted)
    .option('--insecure', 'listen although other machines can connect without proof of identity');
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
 * Starts an engine with the transports that its addresses need; no others are loaded.
 *
 * @throws Misuse where addresses and options contradict each other, Failed where the engine can't listen at an address
 */
export async function openEngine(request: EngineRequest, reach: PeerOptions, output: Output): Promise<Engine> {
  const { listen = [], dial = [], protocols, limits, inspect } = request;
  refuseToBeOpen(listen, reach);
  const transports = await transportsFor([...listen, ...dial], reach);
  if (reach.trust === undefined && dial.some((address) => isSecure(schemeOf(address))))
    output.warn('no --trust given: any peer at this address is accepted; pass --trust <fingerprint> to accept one peer only');
  const insecure = reach.insecure ?? false;
  const optional = { ...(limits === undefined ? {} : { limits }), ...(inspect === undefined ? {} : { inspect }) };
  const engine = createEngine({ transports, protocols, listen, insecure, ...optional });
  await recordEngine(engine);
  await engine.start().catch(async (error: Error) => {
    await engine.shutdown({ deadlineMs: 0 });
    throw new Failed(error.message, 'Check that the address belongs to this machine and that no other program listens there.', {
      cause: error,
    });
  });
  return engine;
}

/** For commands that listen. */
export function withVisitorOptions(command: Command): Command {
  return command
    .option(
      '--origin <url...>',
      'origins of web pages that may connect over ws:// or wss://, e.g. https://app.example (default: none)',
    )
    .option(
      '--host <name...>',
      'host names that dialers may use for a ws:// or wss:// listener, besides its address and localhost',
    );
}

/** One transport per scheme; a command that speaks TCP does not wait for TLS and WebSocket to load. */
export async function transportsFor(addresses: readonly string[], reach: PeerOptions): Promise<Transport[]> {
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

/** Without an upgrade these options have no effect. Ignoring them would suggest protection that is not there. */
function refuseIdleVisitorOptions(schemes: ReadonlySet<Scheme>, { origin, host }: PeerOptions): void {
  if (schemes.has('ws') || schemes.has('wss') || (origin === undefined && host === undefined)) return;
  const name = origin === undefined ? 'host' : 'origin';
  throw new Misuse(
    `--${name}: expected a ws:// or wss:// address, got ${[...schemes].join(', ')}://; web pages connect over WebSocket only`,
  );
}

async function identityFor(schemes: ReadonlySet<Scheme>, { identity, trust }: PeerOptions): Promise<OwnIdentity | undefined> {
  const secure = [...schemes].find(isSecure);
  if (secure === undefined) {
    // Ignoring these options would suggest a check that does not happen.
    if (identity !== undefined || trust !== undefined)
      throw new Misuse(
        `--${identity === undefined ? 'trust' : 'identity'}: ${[...schemes].join(', ')}:// proves no identities; use tls:// or wss://`,
      );
    return undefined;
  }
  if (identity === undefined)
    throw new Misuse(`${secure}:// needs --identity <dir>; create one with \`holdfast cert --out <dir>\``);
  return loadIdentity(identity);
}

/** A listener that other machines can reach needs --trust over TLS, or --insecure. */
function refuseToBeOpen(listen: readonly string[], { trust, insecure }: PeerOptions): void {
  if (insecure === true) return;
  const open = listen.find((address) => !isLoopbackAddress(address) && !(isSecure(schemeOf(address)) && trust !== undefined));
  if (open === undefined) return;
  const how = isSecure(schemeOf(open)) ? 'pass --trust <fingerprint>' : 'use tls:// or wss:// with --identity and --trust';
  throw new Misuse(`other machines can reach ${open} without proof of identity; ${how}, or pass --insecure to allow it`);
}

function isSecure(scheme: Scheme): boolean {
  return scheme === 'tls' || scheme === 'wss';
}
