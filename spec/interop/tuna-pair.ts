import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { tcp } from '../../transports/tcp.js';
import { TunaGo, type TunaGoOptions } from './tuna-go.js';
import { Watched } from './watched.js';

/** A sealed session between a holdfast and a real nkn-tuna-session on loopback, each with settings of its own. `stop` must be called. */
export interface TunaPair {
  readonly go: TunaGo;
  readonly near: Connection;
  readonly engine: Engine;
  /** The holdfast's. */
  readonly wires: Watched;
  /** Wires of the holdfast that have ended. */
  readonly ended: () => number;
  stop(): Promise<void>;
}

/** `role`: that of the holdfast. */
export async function tunaPair(
  role: 'dials' | 'is dialed',
  ours: TunaOptions & { readonly numTunaListeners: number },
  theirs: Omit<TunaGoOptions, 'name'>,
  wires = new Watched(tcp()),
): Promise<TunaPair> {
  const identity = await tunaIdentity(new Uint8Array(32).fill(7), { identifier: 'holdfast' });
  const go = await TunaGo.start({ name: 'partner', ...theirs });
  let ended = 0;
  wires.onClosed = () => ended++;
  const listen = role === 'dials' ? [] : ['tcp://127.0.0.1:0'];
  const addresses = role === 'dials' ? { addresses: go.bookFor(identity.address) } : {};
  const engine: Engine = createEngine({ transports: [wires], protocols: [tuna({ identity, ...addresses, ...ours })], listen });
  const stop = async (): Promise<void> => {
    await engine.shutdown();
    await go.stop();
  };
  try {
    if (role === 'dials') await go.listen();
    await engine.start();
    let near: Connection;
    if (role === 'dials') {
      const reply = await go.ask(identity.address, null);
      const accepted = go.accept();
      near = await engine.connect(reply.word === 'addresses' ? reply.addresses[0]! : '', { peer: go.address });
      await accepted;
    } else {
      const incoming = engine.incoming[Symbol.asyncIterator]().next();
      await go.dial(identity.address, Number(/\d+$/.exec(engine.addresses[0]!)![0]), theirs.links);
      near = (await incoming).value as Connection;
    }
    await wires.spokenOn(Math.min(ours.numTunaListeners, theirs.links));
    return { go, near, engine, wires, ended: () => ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
