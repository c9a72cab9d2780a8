import { createEngine, type Connection, type Engine, type EngineLimits } from '../../adapters/index.js';
import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { StreamSession, type StreamSessionOptions } from '../../adapters/streams/index.js';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { tcp } from '../../transports/tcp.js';

/** Two engines over TCP on loopback, one session between them, a stream session on each side, and a proxy that cuts. */
export interface Pair {
  readonly near: StreamSession;
  readonly far: StreamSession;
  readonly nearConnection: Connection;
  readonly farConnection: Connection;
  /** Cuts the link and resolves when the session has resumed. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

const AT_ONCE = { kind: 'exponential', baseMs: 5, capMs: 50, immediateIfLivedMs: 0 } as const;

export async function openPair(resumeOptions: ResumeOptions = {}, options: StreamSessionOptions = {}): Promise<Pair> {
  const { cutter, client, server, near, far } = await openConnections(resumeOptions);
  return {
    near: new StreamSession(near, options),
    far: new StreamSession(far, options),
    nearConnection: near,
    farConnection: far,
    cut: () => {
      const resumed = new Promise<void>((resolve) => {
        const off = client.on((event) => {
          if (event.type !== 'resumed') return;
          off();
          resolve();
        });
      });
      cutter.cut();
      return resumed;
    },
    close: async () => {
      await Promise.all([client.shutdown({ deadlineMs: 3000 }), server.shutdown({ deadlineMs: 3000 })]);
      await cutter.close();
    },
  };
}

export async function openConnections(
  options: ResumeOptions = {},
  limits: EngineLimits = {},
): Promise<{ cutter: FaultProxy; client: Engine; server: Engine; near: Connection; far: Connection }> {
  const server = createEngine({ transports: [tcp()], protocols: [resume(options)], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({ transports: [tcp()], protocols: [resume({ redial: AT_ONCE, ...options })], limits });
  await Promise.all([server.start(), client.start()]);
  const cutter = new FaultProxy(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(`tcp://127.0.0.1:${await cutter.listen()}`);
  return { cutter, client, server, near, far: (await accepted).value as Connection };
}
