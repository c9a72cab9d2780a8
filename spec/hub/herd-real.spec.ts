/**
 * The herd over loopback and in real time, on demand: `HERD=2000 npx jest spec/hub/herd-real`. The server and its clients share one
 * process and its clock, so that times are those of a machine under load; what is printed says how loaded it was.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { loadavg } from 'node:os';
import { createEngine, type Engine } from '../../adapters/index.js';
import { resume } from '../../adapters/resume/index.js';
import { tcp } from '../../transports/tcp.js';

const CLIENTS = Number(process.env['HERD'] ?? 0);
const measured = CLIENTS > 0 ? test : test.skip;
const IN_ALL_MS = 120_000;

function engine(listen: readonly string[] = []): Engine {
  const limits = { incomingMax: 1e6, openingsMax: 1e6 };
  return createEngine({ transports: [tcp()], protocols: [resume({ idleMs: 0 })], listen, limits });
}

/** What stands before the server all the time and sees each dial that arrives; without a server behind it, it hangs up at once. */
class Gate {
  readonly dials: number[] = [];
  behind: number | undefined; // The server's port.
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server = createServer((socket) => this.#sendHello(socket));

  open(): Promise<string> {
    return new Promise((resolve) => {
      this.#listener.listen({ host: '127.0.0.1', port: 0, backlog: 8192 }, () => {
        const bound = this.#listener.address();
        resolve(`tcp://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`);
      });
    });
  }
  cut(): void {
    this.behind = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }
  close(): void {
    this.cut();
    this.#listener.close();
  }
  /** The most dials in any second. */
  get peak(): number {
    let [peak, first] = [0, 0];
    for (const [i, at] of this.dials.entries()) {
      while (at - this.dials[first]! >= 1000) first++;
      peak = Math.max(peak, i - first + 1);
    }
    return peak;
  }

  #sendHello(socket: Socket): void {
    this.dials.push(performance.now());
    socket.on('error', () => undefined);
    if (this.behind === undefined) return void socket.destroy();
    const far = connect(this.behind, '127.0.0.1');
    far.on('error', () => socket.destroy());
    for (const each of [socket, far]) {
      this.#sockets.add(each);
      each.on('close', () => this.#sockets.delete(each));
    }
    socket.on('close', () => far.destroy());
    far.on('close', () => socket.destroy());
    socket.pipe(far).pipe(socket);
  }
}

measured.each([
  ['one session in each of as many engines', CLIENTS],
  ['all sessions in one engine', 1],
])(
  '[DIAL-4] dial budget in real time: %s are back after a server restart',
  async (_, engines) => {
    const gate = new Gate();
    const address = await gate.open();
    const begin = async (): Promise<Engine> => {
      const server = engine(['tcp://127.0.0.1:0']);
      await server.start();
      gate.behind = Number(server.addresses[0]!.split(':').at(-1));
      return server;
    };
    const first = await begin();
    const clients = Array.from({ length: engines }, () => engine());
    let [back, told, isCut, done] = [0, 0, false, () => {}];
    const all = new Promise<void>((resolve) => (done = resolve));
    for (const client of clients) {
      client.on((event) => {
        if (event.type === 'disconnected' && event.closing.code === 'peer-lost-session') told++;
        if (event.type === 'connected' && isCut && ++back === CLIENTS) done();
      });
      await client.start();
    }
    const each = CLIENTS / engines;
    for (const client of clients) await Promise.all(Array.from({ length: each }, () => client.connect(address, { retry: true })));
    isCut = true;
    gate.dials.length = 0;
    const cutAt = performance.now();
    gate.cut();
    void first.shutdown({ deadlineMs: 0 });
    const second = await begin();
    await all;
    const backMs = Math.round(performance.now() - cutAt);
    const perSecond: number[] = [];
    for (const at of gate.dials) {
      const second = Math.floor((at - cutAt) / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    const load = loadavg()[0]!.toFixed(1);
    console.log({
      clients: CLIENTS,
      engines,
      backMs,
      told,
      dials: gate.dials.length,
      peak: gate.peak,
      perSecond: [...perSecond],
      load,
    });
    expect({ told, isWithinBudget: gate.peak <= 2 * CLIENTS }).toEqual({ told: CLIENTS, isWithinBudget: true });
    await Promise.all([...clients, second].map((one) => one.shutdown({ deadlineMs: 1000 })));
    gate.close();
  },
  IN_ALL_MS,
);
