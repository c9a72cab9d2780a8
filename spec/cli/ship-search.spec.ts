import { searching } from '../../adapters/cli/ship-search.js';
import { Output } from '../../adapters/cli/output.js';
import { staticDiscovery } from '../../adapters/ship/index.js';
import { SimClock } from '../sim/clock.js';

const WANTED = 'a'.repeat(40);
const OTHER = { ski: 'b'.repeat(40), host: '192.0.2.1', port: 4711 };

class Heard extends Output {
  readonly lines: string[] = [];
  override say(line: string): void {
    this.lines.push(line);
  }
}

/** A search among what is announced, and how it went. */
function search({ isPatient = false, others = [] as (typeof OTHER)[] } = {}) {
  const clock = new SimClock();
  const discovery = staticDiscovery(others);
  const output = new Heard(false);
  const { failed, stop } = searching(discovery, WANTED, output, isPatient, clock);
  let outcome = 'open';
  failed.catch((error: Error) => (outcome = error.message));
  return { clock, discovery, output, stop, outcome: () => Promise.resolve().then(() => outcome) };
}

test('a device that is not announced: a hint after 10 s, and the end after a minute', async () => {
  const { clock, output, outcome } = search({ others: [OTHER] });
  clock.advance(9_999);
  expect(output.lines).toEqual([]);
  clock.advance(1);
  expect(output.lines).toEqual([expect.stringMatching(/^No device here announces a{40} yet; one other does\./)]);
  clock.advance(49_999);
  expect(await outcome()).toBe('open');
  clock.advance(1);
  expect(await outcome()).toBe(`no device announces the SKI ${WANTED} by mDNS`);
});

test('command line/ship search: one that comes late ends the search, and so does stopping it', async () => {
  const late = search();
  late.clock.advance(30_000);
  late.discovery.add({ ...OTHER, ski: WANTED });
  late.clock.advance(60_000);
  expect([late.output.lines.length, await late.outcome()]).toEqual([1, 'open']);
  const stopped = search();
  stopped.stop();
  expect(stopped.clock.pending).toBe(0);
});

test('command line/ship search: who wants to stay goes on looking', async () => {
  const { clock, output, outcome } = search({ isPatient: true });
  clock.advance(3_600_000);
  expect([output.lines.length, await outcome()]).toEqual([1, 'open']);
});
