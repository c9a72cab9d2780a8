import { networkInterfaces } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import { loadIdentity } from '../identity/index.js';
import { fromQrText, Hub, mdnsDiscovery, normaliseSki, ShipTrustFile, staticDiscovery } from '../ship/index.js';
import { memoryTrust, shipAdvice, type Discovery, type HubOptions, type ShipTrust } from '../ship/index.js';
import { ShipLog } from './ship-log.js';
import { recordEngine } from './recording.js';
import { Pairing } from './ship-pairing.js';
import { searching } from './ship-search.js';
import { addressOf, Failed, failedBy, Misuse, onInterrupt, Output } from './cli-output.js';

interface ShipCommandOptions {
  readonly identity: string;
  readonly id?: string;
  readonly trustFile?: string;
  readonly accept: readonly string[];
  readonly autoAccept?: boolean;
  readonly mdns: boolean;
  readonly interfaces?: readonly string[];
  readonly redialDenied?: boolean;
  readonly brand?: string;
  readonly model?: string;
  readonly type?: string;
  readonly echo?: boolean;
  readonly oldCertificates?: boolean;
  readonly mostRecent?: boolean;
  readonly json?: boolean;
}

export function shipCommand(program: Command): void {
  const ship = program.command('ship').description('runs a SHIP node (EEBus) and prints each handshake step');
  withCommon(
    ship
      .command('serve')
      .description('waits for devices, asks about unknown ones, and prints every handshake step')
      .option(
        '--listen <addr>',
        'the address to listen at',
        shipAddressOf('listen'),
        `wss://${hasIpv6() ? '[::]' : '0.0.0.0'}:4711/ship/`,
      ),
  ).action(async (options: ShipCommandOptions & { readonly listen: string }) => {
    await serve(options, new Output(options.json ?? false));
  });
  withCommon(
    ship
      .command('dial')
      .description('dials one device, by address or by mDNS, and prints the last step reached')
      .argument('[addr]', 'wss://host:port/ship/ (default: found by mDNS)', shipAddressOf('dial'))
      .option('--ski <ski>', 'the Subject Key Identifier of the device: 40 hex digits', skiOption)
      .option('--qr <text>', 'the text of the device’s QR code, instead of --ski', qrOption)
      .option('--send <json>', 'a payload to send once connected, e.g. {"datagram":{}}', jsonOption)
      .option('--stay', 'stay connected and redial after a loss, until interrupted'),
  ).action(async (address: string | undefined, options: ShipCommandOptions & DialOptions) => {
    await dial(address, options, new Output(options.json ?? false, true));
  });
}

interface DialOptions {
  readonly ski?: string;
  readonly qr?: { readonly ski: string };
  readonly send?: Readonly<Record<string, unknown>>;
  readonly stay?: boolean;
}

function withCommon(command: Command): Command {
  return command
    .requiredOption('--identity <dir>', 'directory with the key and certificate from `holdfast cert`')
    .option('--id <id>', 'the SHIP id of this node (default: holdfast- and the first 8 digits of its SKI)', idOption)
    .option('--trust-file <file>', 'the file of paired devices (default: none, pairings end with the command)')
    .option('--accept <ski...>', 'SKIs of devices to pair with without a question', collectSki, [])
    .option('--auto-accept', 'pair with every device')
    .option('--no-mdns', 'do not use mDNS: neither announce this node nor search for others')
    .option(
      '--interfaces <name...>',
      'network interfaces for mDNS, e.g. eth0 (default: all but those of containers)',
      collectNames,
    )
    .option('--redial-denied', 'continue to dial devices whose user denied trust')
    .option('--brand <text>', 'the brand that mDNS announces')
    .option('--model <text>', 'the model that mDNS announces')
    .option('--type <text>', 'the device type that mDNS announces')
    .option('--echo', 'send each payload back')
    .option('--old-certificates', 'accept certificates whose SKI does not match their key (ship-go up to 0.5.1)')
    .option('--most-recent', 'keep the newest of two connections, as in the standard (default: as ship-go does)')
    .option('--json', 'print one JSON object per line, the summary last');
}

async function serve(options: ShipCommandOptions & { readonly listen: string }, output: Output): Promise<void> {
  const { hub, log, pairing } = await open(options, output, { listen: [options.listen] });
  await started(hub, output).catch((error: unknown) => {
    pairing.close(); // The terminal would keep the process.
    throw error;
  });
  // Before the line that it listens: a reader of that line may send a signal at once.
  onInterrupt(
    async () => {
      pairing.close();
      await hub.shutdown({ deadlineMs: 5000 });
      log.summarize();
    },
    () => 0,
  );
  output.tell({ event: 'listening', address: hub.engine.addresses[0], ski: hub.ski });
  output.say(`This node is ${hub.ski}, at ${hub.engine.addresses.join(', ')}.`);
  await new Promise<never>(() => {}); // Until interrupted.
}

async function dial(address: string | undefined, options: ShipCommandOptions & DialOptions, output: Output): Promise<void> {
  const ski = options.qr?.ski ?? options.ski;
  if (ski === undefined) throw new Misuse('expected a device; pass --ski <40 hex digits> or --qr <text>');
  if (address === undefined && !options.mdns)
    throw new Misuse('expected an address or mDNS; pass wss://host:port/ship/, or leave out --no-mdns');
  const { hub, log, pairing } = await open(options, output, {}, address === undefined ? undefined : { ski, address });
  try {
    // Before the first line: its reader may send a signal at once.
    onInterrupt(() => hub.shutdown({ deadlineMs: 3000 }));
    output.say(`Looking for ${ski}${address === undefined ? ' by mDNS' : ` at ${address}`}.`);
    await started(hub, output);
    const ended = log.firstEnd(ski);
    hub.registerRemoteService(ski);
    const search = searching(hub.options.discovery!, ski, output, options.stay === true, hub.engine.ports.clock);
    const outcome = await Promise.race([log.connected(ski), ended, search.failed]).finally(search.stop);
    if (outcome !== 'connected' && options.stay !== true) throw failedBy(outcome, shipAdvice(outcome.code));
    const connection = hub.getConnection(ski)?.connection;
    if (options.send !== undefined) await connection?.send(options.send);
    if (options.stay === true) await new Promise(() => {}); // Until interrupted.
    await connection?.close();
  } finally {
    pairing.close();
    await hub.shutdown({ deadlineMs: 3000 });
    log.summarize();
  }
}

async function open(
  options: ShipCommandOptions,
  output: Output,
  more: Partial<HubOptions>,
  known?: { readonly ski: string; readonly address: string },
): Promise<{ hub: Hub; log: ShipLog; pairing: Pairing }> {
  const identity = await loadIdentity(options.identity);
  const { ski } = identity;
  if (ski === undefined)
    throw new Misuse(`the certificate in ${options.identity} has no Subject Key Identifier; create one with \`holdfast cert\``);
  const shipId = options.id ?? `holdfast-${ski.slice(0, 8)}`;
  const trust = await trustOf(options);
  for (const peer of options.accept) trust.set({ ski: peer });
  const { shipTransport } = await import('../../transports/ship.js');
  const log = new ShipLog(output);
  const discovery = known === undefined ? await discoveryOf(options, ski, shipId, output) : staticDiscovery([placeOf(known)]);
  const hub: Hub = new Hub(
    {
      ski,
      shipId,
      transports: [shipTransport({ identity, keyIdentifier: options.oldCertificates === true ? 'stated' : 'verified' })],
      trust,
      ...(options.autoAccept === true ? { autoAccept: true } : {}),
      ...(options.redialDenied === true ? { redialDenied: true } : {}),
      ...(options.mostRecent === true ? { doubleConnection: 'mostRecent' } : {}),
      ...(discovery === undefined ? {} : { discovery }),
      protocol: { trace: log.trace },
      ...more,
    },
    log.reader({ isEchoing: options.echo ?? false, mayWait: () => pairing.isPossible }),
  );
  await recordEngine(hub.engine).catch(async (error: unknown) => {
    await hub.shutdown({ deadlineMs: 0 }); // mDNS listens already.
    throw error;
  });
  const pairing = new Pairing(output); // From here on it reads the terminal.
  log.follow(hub);
  pairing.follow(hub);
  return { hub, log, pairing };
}

async function started(hub: Hub, output: Output): Promise<void> {
  await hub.start().catch(async (error: Error) => {
    await hub.shutdown({ deadlineMs: 0 });
    output.tell({ event: 'failed', message: error.message });
    throw new Failed(error.message, 'Check that the address belongs to this machine and that no other program listens there.', {
      cause: error,
    });
  });
}

async function trustOf({ trustFile }: ShipCommandOptions): Promise<ShipTrust> {
  return trustFile === undefined ? memoryTrust() : ShipTrustFile.open(trustFile);
}

async function discoveryOf(
  options: ShipCommandOptions,
  ski: string,
  shipId: string,
  output: Output,
): Promise<Discovery | undefined> {
  if (!options.mdns) return undefined;
  const { brand, model, type, interfaces } = options;
  const about = {
    ...(interfaces ? { interfaces } : {}),
    ...(brand ? { brand } : {}),
    ...(model ? { model } : {}),
    ...(type ? { type } : {}),
  };
  return mdnsDiscovery({ ski, shipId, ...about, onTrouble: (message) => output.warn(message) });
}

function placeOf({ ski, address }: { ski: string; address: string }): { ski: string; host: string; port: number; path: string } {
  const url = new URL(address.replace(/^wss:/, 'https:'));
  return { ski, host: url.hostname, port: Number(url.port || 443), path: url.pathname };
}

/** Where it has, one listener serves IPv4 as well. */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some(({ family }) => family === 'IPv6'));
}

/** SHIP is spoken over TLS alone. */
function shipAddressOf(use: 'dial' | 'listen'): (text: string) => string {
  const check = addressOf(use);
  return (text) => {
    if (!/^wss:/i.test(text)) throw new InvalidArgumentError(`expected wss://host:port/ship/, got ${JSON.stringify(text)}`);
    return check(text);
  };
}

function skiOption(text: string): string {
  try {
    return normaliseSki(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
function collectSki(text: string, before: readonly string[]): readonly string[] {
  return [...before, skiOption(text)];
}
function idOption(text: string): string {
  if (/^\S+$/.test(text)) return text;
  throw new InvalidArgumentError(`expected at least one character and no white space, got ${JSON.stringify(text)}`);
}
function collectNames(text: string, before: readonly string[] = []): readonly string[] {
  if (text.trim() === '') throw new InvalidArgumentError(`expected the name of a network interface, got ${JSON.stringify(text)}`);
  return [...before, text];
}
function qrOption(text: string): { readonly ski: string } {
  try {
    return fromQrText(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
function jsonOption(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new InvalidArgumentError(`expected JSON: ${(error as Error).message}`);
  }
}
