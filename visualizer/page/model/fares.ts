import type { Tone } from './tone.js';
import type { Entry } from './entry.js';

/** True for an ending that is nothing to worry about. */
export const isOrderly = (code: string): boolean => code === 'closed' || code === 'peer-goodbye';

/** States of a connection by their last name: `connection.engaged.completed`. */
const FAILED = new Set(['error', 'remoteDeniedTrust']);
const AT_REST = new Set(['none', 'resting', 'ended']);

/** How an actor fares, and the word for it. For a session its protocol says whether data flows. */
export function toneOf(entry: Entry, protocol: Entry | undefined): { readonly tone: Tone; readonly word: string } {
  const { track, facts, states } = entry;
  const [leaf = ''] = states;
  const word = states.map(lastName).join(', ');
  if (entry.isSession) return sessionTone(entry, protocol, lastName(leaf));
  if (track.endedMs !== undefined || facts?.isTagged(states, 'terminal') === true)
    return { tone: 'ended', word: word || 'ended' };
  if (facts === undefined) return { tone: 'idle', word: 'runs' };
  const carries = ['flows', 'joined', 'serves'].filter((tag) => facts.hasTag(tag));
  if (carries.length === 0) return { tone: 'idle', word };
  if (!carries.some((tag) => facts.isTagged(states, tag))) return { tone: 'working', word };
  return { tone: facts.isTagged(states, 'partial') ? 'partial' : 'good', word };
}

function sessionTone(entry: Entry, protocol: Entry | undefined, state: string): { readonly tone: Tone; readonly word: string } {
  const { closing } = entry.track;
  if (closing !== undefined && (AT_REST.has(state) || FAILED.has(state) || entry.track.endedMs !== undefined))
    return { tone: isOrderly(closing.code) ? 'ended' : 'broken', word: closing.code };
  if (FAILED.has(state)) return { tone: 'broken', word: state };
  if (AT_REST.has(state)) return { tone: 'idle', word: state };
  if (state !== 'completed') return { tone: 'working', word: state || 'begins' };
  const { facts, states } = protocol ?? { facts: undefined, states: [] as readonly string[] };
  if (facts?.isTagged(states, 'flows') === true) {
    entry.hasWorked = true;
    const carrying = states.filter((id) => facts.isTagged([id], 'flows')).map(lastName);
    return { tone: facts.isTagged(states, 'partial') ? 'partial' : 'good', word: carrying[0] ?? 'flowing' };
  }
  return entry.hasWorked ? { tone: 'broken', word: 'suspended' } : { tone: 'working', word: state };
}

const lastName = (id: string): string => id.slice(id.lastIndexOf('.') + 1);
