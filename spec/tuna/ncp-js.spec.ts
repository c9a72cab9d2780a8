import { clock } from '../../adapters/node.js';
import { byteAt, fill, Sink } from './ncp-channel.js';
import { NcpEnd } from './ncp-end.js';
import { NcpJs, NcpJsOnTcp, type NcpJsSession } from './ncp-js-tcp.js';
import { TcpEnd } from './tcp-end.js';

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
  const theirs = new NcpJs('js', 'holdfast', ids, null, (local, _, bytes) => {
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

describe('tuna/ncp js: the real ncp-js, in process', () => {
  for (const links of [1, 4])
    for (const role of ['dialer', 'acceptor'] as const)
      test(`[NCP-1] as ${role === 'dialer' ? 'acceptor' : 'dialer'} of a session over ${links} links: bytes go both ways, and it gets our close`, async () => {
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

describe('tuna/ncp js: the real ncp-js, over TCP', () => {
  for (const links of [1, 4])
    for (const role of ['dialer', 'acceptor'] as const)
      test(`[NCP-1] as ${role === 'dialer' ? 'acceptor' : 'dialer'} over ${links} socket(s): bytes go both ways, and it gets our close`, async () => {
        const ours = new TcpEnd(role, links, { mtu: 1024 });
        const theirs = new NcpJsOnTcp(links);
        try {
          if (role === 'dialer') {
            const established = ours.dial(await theirs.listen());
            while (!ours.plane.ncp.isEstablished) {
              if (theirs.isWhole) await theirs.session.accept().catch(() => {}); // Refuses until the handshake is there.
              await new Promise((resolve) => setImmediate(resolve));
            }
            await established;
          } else await Promise.all([theirs.dial(await ours.listen()), ours.established()]);
          const total = 300_000;
          const sink = new Sink(ours as never);
          const heard = new Promise<void>((resolve) => {
            const { onData } = ours;
            ours.onData = (bytes) => (onData?.(bytes), sink.bytes >= total && resolve());
          });
          const read = readAll(theirs.session, total);
          ours.pump.write(fill(new Uint8Array(total), 0));
          await Promise.all([theirs.session.write(fill(new Uint8Array(total), 0)), heard]);
          expect([sink.bytes, sink.wrongAt, await read]).toEqual([total, -1, -1]);
          ours.plane.close(clock.now());
          ours.pump.flush();
          while (theirs.session.isClosed !== true) await new Promise((resolve) => setImmediate(resolve));
        } finally {
          ours.stop();
          theirs.stop();
          theirs.session.setLinger(0);
          if (theirs.session.isClosed !== true) await theirs.session.close().catch(() => {});
        }
      }, 20_000);
});
