import { SessionError } from '../../machines/errors.js';
import { normaliseSki, skiOr } from './ski.js';

/** The TXT record of a SHIP service; members by their names in the standard. */
export interface ShipTxt {
  /** 40 lower-case hex digits. */
  readonly ski: string;
  readonly shipId: string;
  /** Begins with a slash. */
  readonly path: string;
  /** Whether it accepts every device. */
  readonly isRegistering: boolean;
  readonly brand?: string;
  readonly model?: string;
  readonly type?: string;
  readonly serial?: string;
  /** 1 grid connection hub, 2 energy management, 3 e-mobility, 4 HVAC, 5 inverter, 6 domestic appliance, 7 metering. */
  readonly categories?: readonly number[];
}

/** Brand, model, type and serial are cut here, as in ship-go: whole characters within 32 bytes. */
const LABEL_BYTES_MAX = 32;
/** A string of a TXT record has one byte for its length (RFC 1035, 3.3). */
const STRING_BYTES_MAX = 255;

/**
 * The strings of the record, in ship-go's order.
 *
 * @throws SessionError `bad-option` for what no record can say: a string of more than 255 bytes, a path that is none, a SHIP id
 * that is empty or has white space in it, which other stacks cut or refuse
 */
export function txtStrings({ ski, shipId, path, isRegistering, categories, ...labels }: ShipTxt): string[] {
  if (!isPath(path))
    throw new SessionError('bad-option', `bad path ${JSON.stringify(path)}: expected one that begins with a slash`);
  if (!/^[^\s\p{Cc}]+$/u.test(shipId))
    throw new SessionError(
      'bad-option',
      `bad SHIP id ${JSON.stringify(shipId)}: expected at least one character and no white space`,
    );
  const strings = [
    'txtvers=1',
    `path=${path}`,
    `id=${shipId}`,
    `ski=${normaliseSki(ski)}`,
    `brand=${cut(labels.brand ?? '')}`,
    `model=${cut(labels.model ?? '')}`,
    `type=${cut(labels.type ?? '')}`,
    ...(labels.serial === undefined ? [] : [`serial=${cut(labels.serial)}`]),
    ...(categories === undefined || categories.length === 0 ? [] : [`cat=${categories.join(',')}`]),
    `register=${isRegistering}`,
  ];
  const long = strings.find((each) => Buffer.byteLength(each) > STRING_BYTES_MAX);
  if (long === undefined) return strings;
  throw new SessionError('bad-option', `${long.slice(0, long.indexOf('='))} is too long for a TXT record`);
}

/**
 * Reads an untrusted TXT record. Keys in any case, the first of its name counts (RFC 6763, 6.4), a value may hold `=`,
 * control characters are left out. The members that SHIP requires must be there: txtvers 1, id, path, ski, register.
 *
 * @returns the record, or a sentence that says why it is none
 */
export function readTxt(strings: readonly Uint8Array[]): ShipTxt | string {
  const members = new Map<string, string>();
  for (const string of strings) {
    const text = Buffer.from(string).toString('utf8');
    const at = text.indexOf('=');
    const key = text.slice(0, at).toLowerCase();
    if (at > 0 && !members.has(key)) members.set(key, text.slice(at + 1).replace(/\p{Cc}/gu, ''));
  }
  const say = (key: string): string => members.get(key) ?? '';
  if (say('txtvers') !== '1') return `txtvers is 1, got ${JSON.stringify(say('txtvers'))}`;
  if (say('id') === '') return 'id is missing';
  if (!isPath(say('path'))) return `path begins with a slash, got ${JSON.stringify(say('path').slice(0, 60))}`;
  const register = say('register').toLowerCase();
  if (register !== 'true' && register !== 'false')
    return `register is true or false, got ${JSON.stringify(register.slice(0, 60))}`;
  const ski = skiOr(say('ski'), undefined);
  if (ski === undefined) return `ski is 40 hex digits, got ${JSON.stringify(say('ski').slice(0, 60))}`;
  const categories = say('cat').split(',').map(Number).filter((each) => Number.isInteger(each) && each > 0); // prettier-ignore
  return {
    ski,
    shipId: say('id'),
    path: say('path'),
    isRegistering: register === 'true',
    ...label('brand', say('brand')),
    ...label('model', say('model')),
    ...label('type', say('type')),
    ...label('serial', say('serial')),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

/** Fit to stand in an address: no space, no query, no fragment. */
function isPath(path: string): boolean {
  return /^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/.test(path);
}

function label<Name extends string>(name: Name, value: string): { [Key in Name]?: string } {
  return value === '' ? {} : ({ [name]: value } as { [Key in Name]?: string });
}

function cut(text: string): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > LABEL_BYTES_MAX) break;
    kept += character;
  }
  return kept;
}
