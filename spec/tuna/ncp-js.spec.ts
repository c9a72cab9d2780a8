import { createRequire } from 'node:module';
import { clock } from '../../adapters/node.js';
import { NcpEnd } from './ncp-end.js';
import { byteAt, fill } from './ncp-channel.js';

/** What is used of the real ncp-js; it brings no types. */
interface NcpJsSession {
  receiveWith(localId: string, remoteId: string, bytes: Uint8Array): void;
  dial(timeoutMs?: number): Promise<void>;
  accept(): Promise<void>;
  read(bytes?: number): Promise<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  setLinger(ms: number): void;
  readonly isClosed?: boolean;
}
const { Session } = createRequire(__filename)('@nkn/ncp') as {
  Session: new (
    local: string,
    remote: string,
    localIds: string[],
    remoteIds: null,
    sendWith: (local: string, remote: string, bytes: Uint8Array) => Promise<void>,
    config: object,
  ) => NcpJsSession;
};

/** Both in this process, each packet in a turn of its own. */
function meet(role: 'dialer' | 'acceptor', links: number): { ours: NcpEnd; theirs: NcpJsSession } {
  const ids = Array.from({ length: links }, (_, i) => String(i));
  const ours: NcpEnd = new NcpEnd({
    role,
    clock,
    links,
    limits: { mtu: 1024 },
    send: (link, packet) =>
      void setImmediate(() => theirs.isClosed !== true && theirs.receiveWith(String(link), String(link), packet)),
  });
  const theirs = new Session('js', 'holdfast', ids, null, (local, _, bytes) => {
    setImmediate(() => ours.receive(Number(local), new Uint8Array(bytes)));
    return Promise.resolve();
  }, { mtu: 1024 }); // prettier-ignore
  ours.attachAll();
  return { ours, theirs };
}

async function readAll(from: NcpJsSession, total: number): Promise<number> {
  let at = 0;
  while (at < total) for (const byte of await from.read()) if (byte !== byteAt(at++)) return at - 1;
  return -1;
}

function hear(end: NcpEnd, total: number): Promise<number> {
  return new Promise((resolve) => {
    let at = 0;
    end.onData = (bytes) => {
      for (const byte of bytes) if (byte !== byteAt(at++)) return resolve(at - 1);
      if (at === total) resolve(-1);
    };
  });
}

describe('the real ncp-js, in process', () => {
  for (const links of [1, 4])
    for (const role of ['dialer', 'acceptor'] as const)
      test(`[NCP-1] as ${role === 'dialer' ? 'acceptor' : 'dialer'} of a session over ${links} links: bytes go both ways, and it hears our close`, async () => {
        const { ours, theirs } = meet(role, links);
        if (role === 'dialer') {
          ours.call();
          while (!ours.isEstablished) {
            await new Promise((resolve) => setImmediate(resolve));
            await theirs.accept().catch(() => {}); // Refuses until the handshake is there.
          }
        } else await theirs.dial(5000);
        const total = 300_000;
        const heard = hear(ours, total);
        const read = readAll(theirs, total);
        ours.write(fill(new Uint8Array(total), 0));
        await theirs.write(fill(new Uint8Array(total), 0));
        expect(await Promise.all([heard, read])).toEqual([-1, -1]);
        ours.close();
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        ours.stop();
        expect(theirs.isClosed).toBe(true);
      }, 20_000);
});
