// What run.js was asked for: the suite and its options, or a Misuse that names what was wrong.
import { readdirSync } from 'node:fs';
import { registry } from './peers.js';

export class Misuse extends Error {}

export const suites = readdirSync(new URL('../suites/', import.meta.url)).filter((f) => f.endsWith('.js')).map((f) => f.slice(0, -3)).sort();

export const usage = `Usage: node run.js <suite> [--peers a,b] [--reps n] [--out name] [--<option of the suite> value ...]

Suites: ${suites.join(', ')};
        smoke (every peer: connect, ping, pump both ways)
        node run.js <suite> --help shows the options of one, with their defaults; README.md says what each measures.
Peers:  ${Object.keys(registry).join(', ')}

Results go to results/<name>.json, by default by the suite's name; report.js makes RESULTS.md of them.`;

const isNumber = (text) => /^-?\d+(\.\d+)?$/.test(text);
const oneOf = (text) => (isNumber(text) ? Number(text) : text);
const LISTS = ['peers', 'sizes', 'steps'];
const shown = (value) => (Array.isArray(value) ? value.join() || 'none' : value);

/** The suite's own module; undefined for smoke. */
export async function suiteOf(name) {
  if (name === 'smoke') return undefined;
  if (!suites.includes(name)) throw new Misuse(`no suite "${name}"`);
  return import(`../suites/${name}.js`);
}

/** The options of smoke are its peers; what it finds goes to no file. */
const defaultsOf = (name, mod) => (mod === undefined ? { peers: Object.keys(registry) } : { ...mod.defaults, out: name });

export function helpOf(name, mod) {
  const lines = Object.entries(defaultsOf(name, mod)).map(([key, value]) => `  --${key} ${shown(value)}`);
  return [`Options of ${name}, with their defaults:`, ...lines].join('\n');
}

/** Pairs of `--option value`; `mod` is the suite's module. */
export function optionsOf(words, name, mod) {
  const defaults = defaultsOf(name, mod);
  const known = Object.keys(defaults);
  const options = {};
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i], value = words[i + 1], key = word.replace(/^--/, '');
    if (!word.startsWith('--')) throw new Misuse(`expected an option like --reps, got "${word}"`);
    if (!known.includes(key)) throw new Misuse(`${name} has no option ${word}; it has ${known.map((k) => `--${k}`).join(' ')}`);
    if (value === undefined || value.startsWith('--')) throw new Misuse(`${word} needs a value`);
    if (typeof defaults[key] === 'number' && !isNumber(value)) throw new Misuse(`${word} needs a number, got "${value}"`);
    options[key] = key === 'out' ? value : value.includes(',') || LISTS.includes(key) ? value.split(',').map(oneOf) : oneOf(value);
  }
  const peers = new Set([...Object.keys(registry), ...(defaults.peers ?? [])]); // A suite may have peers of its own.
  const strangers = (options.peers ?? []).filter((peer) => !peers.has(peer));
  if (strangers.length > 0) throw new Misuse(`no peer ${strangers.map((peer) => `"${peer}"`).join(', ')}; known are ${[...peers].join(', ')}`);
  return options;
}
