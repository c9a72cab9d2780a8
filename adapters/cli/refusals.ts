import type { Engine } from '../index.js';
import type { Output } from './output.js';

/** The number of different refusals that are printed, each once: a peer that continues to try does not fill the terminal. */
const REFUSALS_SHOWN_MAX = 64;

/** Remedies for refusals, where the command line has one. */
const ADVICE: Readonly<Record<string, string>> = {
  'identity-unknown': '--trust <fingerprint> accepts the peer',
  'origin-refused': 'a web page; --origin accepts its origin',
  'host-unknown': 'it used a host name that is not listed; --host adds one',
};

/** Prints refused peers with the reason: each one with `--json`, else each host and reason once. */
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
