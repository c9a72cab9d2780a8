/** The public states of ship-go (see `docs` of ship-go's `api.ConnectionState`), with ship-go's numbers. */
export const shipGoState = {
  none: 0,
  queued: 1,
  initiated: 2,
  receivedPairingRequest: 3,
  inProgress: 4,
  trusted: 5,
  pin: 6,
  completed: 7,
  remoteDeniedTrust: 8,
  error: 9,
} as const;

/** A peer as ship-go's `VisibleRemoteServicesUpdated` lists it. */
export interface ShipGoService {
  readonly name: string;
  readonly ski: string;
  readonly identifier: string;
  readonly brand: string;
  readonly type: string;
  readonly model: string;
}

/** What each callback of ship-go's hub came with. */
export interface ShipGoNews {
  /** `RemoteSKIConnected`: ship-go 2024 calls it only where the SHIP ID was unknown. */
  readonly connected: { readonly ski: string };
  /** `RemoteSKIDisconnected`: of any closed connection, completed or not, sometimes twice. */
  readonly disconnected: { readonly ski: string };
  /** `SetupRemoteDevice`: the handshake is over, data may flow. The word to wait for. */
  readonly setup: { readonly ski: string };
  /** `VisibleRemoteServicesUpdated`. */
  readonly visible: { readonly services: readonly ShipGoService[] };
  /** `ServiceShipIDUpdate`. */
  readonly shipId: { readonly ski: string; readonly shipId: string };
  /** `ServicePairingDetailUpdate`: 500 ms late each, and not always in order. Ask `state()` for what holds now. */
  readonly pairing: { readonly ski: string; readonly state: number; readonly cause?: string };
  /** `AllowWaitingForTrust`, and what it was answered. */
  readonly allowWaiting: { readonly ski: string; readonly answer: boolean };
  /** A SPINE payload as the application gets it; literal up to 4096 bytes. */
  readonly data: { readonly ski: string; readonly bytes: number; readonly sha256: string; readonly payload?: string };
  /** What the hub asked of its discovery. */
  readonly discovery: {
    readonly call: 'start' | 'shutdown' | 'announce' | 'unannounce' | 'autoAccept' | 'request';
    readonly on?: boolean;
  };
  /** ship-go's own log, with `log: true`. `trace` shows every message. */
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'error'; readonly text: string };
}

export type ShipGoEventName = keyof ShipGoNews;

/** One callback: `n` counts all of them from 1, `atMs` is since the start of the process. */
export type ShipGoEventOf<Name extends ShipGoEventName> = Name extends ShipGoEventName
  ? { readonly event: Name; readonly n: number; readonly atMs: number } & ShipGoNews[Name]
  : never;

export type ShipGoEvent = ShipGoEventOf<ShipGoEventName>;

/** What a process costs. Processor times and resident memory are unknown on Windows. */
export interface ShipGoCounters {
  readonly goroutines: number;
  readonly heapBytes: number;
  readonly systemBytes: number;
  readonly allocatedBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  readonly userMs?: number;
  readonly systemMs?: number;
  readonly maxResidentKiB?: number;
}

/** How a hub starts. All have defaults: a new certificate, a free port, nobody trusted, no waiting for trust. */
export interface ShipGoOptions {
  readonly port?: number;
  /** Default `ship-go`. */
  readonly shipId?: string;
  readonly commonName?: string;
  /** PEM, both or none; `identity` of an earlier process makes this one its successor. */
  readonly certificate?: string;
  readonly key?: string;
  readonly autoAccept?: boolean;
  /** The answer to `AllowWaitingForTrust`. */
  readonly allowWaiting?: boolean;
  /** SKIs registered before the hub starts. */
  readonly trusted?: readonly string[];
  /** SHIP IDs remembered from earlier, by SKI. */
  readonly shipIds?: Readonly<Record<string, string>>;
  /** Pass ship-go's log on as events. */
  readonly log?: boolean;
}

/** What the stand-in for multicast DNS sees. */
export interface ShipGoEntry {
  readonly ski: string;
  readonly port: number;
  /** Default 127.0.0.1; empty to dial `addresses` alone. */
  readonly host?: string;
  readonly addresses?: readonly string[];
  readonly path?: string;
  readonly shipId?: string;
  readonly name?: string;
  readonly register?: boolean;
  readonly brand?: string;
  readonly type?: string;
  readonly model?: string;
}
