/** The parts of a session that a search looks at, at one moment. */
export interface Searched {
  readonly name: string;
  readonly protocol: string;
  readonly peer: string;
  /** The paths of its states: those of the connection and those of the protocol below it. */
  readonly states: readonly string[];
  readonly closing: string | undefined;
  readonly bornMs: number;
  readonly endedMs: number | undefined;
}

export interface Query {
  readonly matches: (session: Searched) => boolean;
  /** The first fault of the text, in words. The terms that are right still apply. */
  readonly complaint: string | undefined;
}

type Test = (session: Searched) => boolean;

const MOMENT = 'a moment such as 12.5s, 900ms or 1:04 after the beginning';

/**
 * Reads a search: terms that must all apply. `state:suspended`, `peer:`, `protocol:`, `closing:`, `name:` take text with `*`; `after:` and
 * `before:` take a moment; a leading `-` excludes; a word without a key is looked for everywhere.
 */
export function queryOf(text: string): Query {
  const tests: Test[] = [];
  let complaint: string | undefined;
  for (const term of text.trim().split(/\s+/).filter(Boolean)) {
    const isExcluded = term.length > 1 && term.startsWith('-');
    const read = testOf(isExcluded ? term.slice(1) : term);
    if (typeof read === 'string') complaint ??= read;
    else tests.push(isExcluded ? (session) => !read(session) : read);
  }
  return { matches: (session) => tests.every((test) => test(session)), complaint };
}

function testOf(term: string): Test | string {
  const { 1: key, 2: value } = /^([a-z]+):(.*)$/i.exec(term) ?? [];
  if (key === undefined || value === undefined) {
    const found = part(term);
    return ({ name, protocol, peer, states, closing = '' }) => [name, protocol, peer, closing, ...states].some(found);
  }
  if (value === '') return `"${term}" has nothing behind the colon`;
  switch (key.toLowerCase()) {
    case 'state': {
      const found = part(value);
      return ({ states }) => states.some(found);
    }
    case 'peer':
    case 'protocol':
    case 'name': {
      const found = part(value);
      const field = key.toLowerCase() as 'peer' | 'protocol' | 'name';
      return (session) => found(session[field]);
    }
    case 'closing': {
      const found = part(value);
      return ({ closing }) => closing !== undefined && found(closing);
    }
    case 'after':
    case 'before': {
      const ms = momentOf(value);
      if (ms === undefined) return `"${term}": expected ${MOMENT}`;
      return key.toLowerCase() === 'after' ? ({ endedMs }) => (endedMs ?? Infinity) >= ms : ({ bornMs }) => bornMs <= ms;
    }
    default:
      return `unknown key "${key}"; known are state, peer, protocol, closing, name, after and before`;
  }
}

/** True where the pattern is somewhere in the text; `*` stands for anything. */
function part(pattern: string): (text: string) => boolean {
  const source = pattern.split('*').map((each) => each.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const found = new RegExp(source.join('.*'), 'i');
  return (text) => found.test(text);
}

/** Milliseconds after the beginning: `900ms`, `12.5s`, `3m`, `1:04`, `1:02:03`; a bare number is in seconds. */
export function momentOf(text: string): number | undefined {
  const { 1: number, 2: unit = 's' } = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit]!;
  if (!/^\d+(:\d{1,2}){1,2}(\.\d+)?$/.test(text)) return undefined;
  return text.split(':').reduce((sum, each) => sum * 60 + Number(each), 0) * 1000;
}
