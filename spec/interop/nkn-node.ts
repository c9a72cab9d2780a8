import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { WebSocketServer, type WebSocket } from 'ws';
import type { RelayClient } from '../../adapters/tuna/index.js';

/** A client of `nkn-sdk`, as far as it is used here. */
export interface NknClient extends RelayClient {
  readonly addr: string;
  onConnect(handler: () => void): void;
  close(): void;
}

interface Outbound {
  getDest(): string;
  getDestsList(): string[];
  getPayload(): Uint8Array;
  getPayloadsList(): Uint8Array[];
}
interface Inbound {
  setSrc(address: string): void;
  setPayload(bytes: Uint8Array): void;
  serializeBinary(): Uint8Array;
}
interface Envelope {
  getMessageType(): number;
  getCompressionType(): number;
  getMessage(): Uint8Array;
  setMessageType(type: number): void;
  setMessage(bytes: Uint8Array): void;
  serializeBinary(): Uint8Array;
}
interface Sdk {
  readonly Client: new (options: object) => NknClient;
  readonly MultiClient: new (options: object) => NknClient;
  readonly pb: {
    readonly messages: {
      readonly ClientMessage: { new (): Envelope; deserializeBinary(bytes: Uint8Array): Envelope };
      readonly ClientMessageType: { readonly OUTBOUND_MESSAGE: number; readonly INBOUND_MESSAGE: number };
      readonly CompressionType: { readonly COMPRESSION_ZLIB: number };
      readonly OutboundMessage: { deserializeBinary(bytes: Uint8Array): Outbound };
      readonly InboundMessage: new () => Inbound;
    };
  };
}

/**
 * As much of an NKN node as a client of the real `nkn-sdk` needs, on loopback: it says which node to go to (itself), and relays messages
 * from one client to another. The package is taken from a folder in which it was installed; it is no dependency of this one.
 */
export class NknNode {
  /** Who has sent to whom. */
  readonly relayed: { readonly from: string; readonly to: string }[] = [];
  onRelayed = (): void => {};
  readonly #sdk: Sdk;
  readonly #clients = new Map<string, WebSocket>();
  readonly #opened: NknClient[] = [];
  readonly #http = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += String(chunk)));
    request.on('end', () => {
      const { id } = JSON.parse(body) as { id: unknown };
      const addr = `127.0.0.1:${this.#port}`;
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { addr, rpcAddr: addr, pubkey: ZEROES, id: ZEROES } }));
    });
  });

  constructor(folder: string) {
    const found = createRequire(join(folder, 'package.json'))('nkn-sdk') as { readonly default: Sdk };
    this.#sdk = found.default;
    new WebSocketServer({ server: this.#http }).on('connection', (socket) => this.#serve(socket));
  }

  get #port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
  }

  /** A client with a key of its own, which is connected. */
  async client(kind: 'Client' | 'MultiClient', seed: number): Promise<NknClient> {
    const client = new this.#sdk[kind]({
      seed: Buffer.alloc(32, seed).toString('hex'),
      rpcServerAddr: `http://127.0.0.1:${this.#port}`,
      tls: false,
      numSubClients: 2,
      originalClient: true,
    });
    this.#opened.push(client);
    await new Promise<void>((resolve) => client.onConnect(resolve));
    return client;
  }

  stop(): void {
    for (const client of this.#opened) client.close();
    this.#http.close();
    this.#http.closeAllConnections();
    for (const socket of this.#clients.values()) socket.terminate();
  }

  #serve(socket: WebSocket): void {
    let own = '';
    socket.send(JSON.stringify({ Action: 'authChallenge', Challenge: ZEROES }));
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return this.#relay(own, new Uint8Array(data));
      own = (JSON.parse(String(data)) as { Addr: string }).Addr;
      this.#clients.set(own, socket);
      socket.send(JSON.stringify({ Action: 'setClient', Error: 0, Result: { node: {}, sigChainBlockHash: ZEROES } }));
    });
  }

  #relay(from: string, bytes: Uint8Array): void {
    const { ClientMessage, ClientMessageType, CompressionType, OutboundMessage, InboundMessage } = this.#sdk.pb.messages;
    const message = ClientMessage.deserializeBinary(bytes);
    if (message.getMessageType() !== ClientMessageType.OUTBOUND_MESSAGE) return;
    const isPacked = message.getCompressionType() === CompressionType.COMPRESSION_ZLIB;
    const raw = message.getMessage();
    const outbound = OutboundMessage.deserializeBinary(isPacked ? new Uint8Array(inflateSync(raw)) : raw);
    const payloads = outbound.getPayloadsList();
    const targets = outbound.getDest() === '' ? outbound.getDestsList() : [outbound.getDest()];
    targets.forEach((to, i) => {
      this.relayed.push({ from, to });
      const inbound = new InboundMessage();
      inbound.setSrc(from);
      inbound.setPayload(payloads.length === 0 ? outbound.getPayload() : (payloads[i] ?? payloads[0]!));
      const envelope = new ClientMessage();
      envelope.setMessageType(ClientMessageType.INBOUND_MESSAGE);
      envelope.setMessage(inbound.serializeBinary());
      this.#clients.get(to)?.send(envelope.serializeBinary());
    });
    this.onRelayed();
  }
}

const ZEROES = '00'.repeat(32);
