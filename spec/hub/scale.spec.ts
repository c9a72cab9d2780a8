import { resume } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { CALM } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';

/** Counts what a run of sessions touches: timers set and cleared. Time is not asserted; work is. */
class CountingClock extends SimClock {
  calls = 0;
  override setTimeout(fn: () => void, ms: number): ReturnType<SimClock['setTimeout']> {
    this.calls++;
    return super.setTimeout(fn, ms);
  }
  override clearTimeout(handle: unknown): void {
    this.calls++;
    super.clearTimeout(handle);
  }
}

/** Timer calls that one more session costs, from dial to closing, when `others` are connected. */
function costWith(others: number): number {
  const clock = new CountingClock();
  const random = new SeededRandom(5);
  const network = new SimNetwork(clock, random.split('network'), CALM);
  const ports = { clock, random: random.next, entropy: random.bytes };
  const options = { transports: [network.transport('b')], protocols: [resume({ idleMs: 0 })] };
  const limits = { incomingMax: 1e6, openingsMax: 1e6, pendingDialsMax: 1e6 };
  const server = new Engine(ports, { ...options, listen: ['sim://b:1'], limits });
  const client = new Engine(ports, { ...options, limits });
  void server.start();
  void client.start();
  clock.settle();
  let connected = 0;
  let closed = 0;
  client.on((event) => {
    if (event.type === 'connected') connected++;
    if (event.type === 'disconnected') closed++;
  });
  const open = (): void => {
    void client.connect('sim://b:1');
    const wanted = connected + 1;
    clock.runUntil(() => connected >= wanted);
  };
  let last: { close(): unknown } | undefined;
  client.on((event) => event.type === 'connected' && (last = event.connection));
  for (let i = 0; i < others; i++) open();
  const before = clock.calls;
  open();
  void last!.close();
  clock.runUntil(() => closed === 1);
  return clock.calls - before;
}

test('hub/scale: opening and closing one session costs the same work with 10 and with 1000 others', () => {
  expect(costWith(1000)).toBeLessThan(costWith(10) * 1.5);
});
