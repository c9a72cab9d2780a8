import type { Engine } from '../index.js';
import type { Output } from './output.js';

/** People see so many different refusals, and each of them once: a stranger who goes on trying fills no terminal. */
const REFUSALS_SHOWN_MAX = 64;

/** What to do about a refusal, where the command line can do something. */
const ADVICE: Readonly<Record<string, string>> = {
  'identity-unknown': '--trust <fingerprint> lets a peer in',
  'origin-refused': 'a web page; --origin lets its origin in',
  'host-unknown': 'it called this listener by a name that is not its own; --host adds one',
};

/** Says whom a listener turns away and why: programs hear of each, people of each host and reason once. */
export function tellRefusals(engine: Engine, output: Output): void {
  const shown = new Set<string>();
  engine.on((event) => {
    if (event.type !== 'refused') return;
    const { remoteAddress, code, reason } = event;
    output.tell({ event: 'refused', remoteAddress, code, ...(reason === undefined ? {} : { reason }) });
    const host = remoteAddress.replace(/:\d+$/, '');
    const why = [reason, ADVICE[code]].filter((each) => each !== undefined).join('; ');
    const key = `${host} ${code} ${reason ?? ''}`;
    if (shown.has(key) || shown.size >= REFUSALS_SHOWN_MAX) return;
    shown.add(key);
    output.say(`Refused ${remoteAddress}: ${code}${why === '' ? '' : ` (${why})`}.`);
  });
}
