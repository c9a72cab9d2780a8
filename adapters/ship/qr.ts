import { SessionError } from '../../machines/errors.js';
import { normaliseSki } from './ski.js';

/** The contents of a device's QR code. */
export interface ShipQr {
  /** 40 lower-case hex digits. */
  readonly ski: string;
  readonly shipId?: string;
  readonly brand?: string;
  readonly type?: string;
  readonly model?: string;
  readonly serial?: string;
  readonly categories?: readonly number[];
}

/** Far more than a QR code holds. */
const CHARACTERS_MAX = 4296;

/**
 * The text of a QR code: `SHIP;SKI:…;ID:…;BRAND:…;TYPE:…;MODEL:…;SERIAL:…;CAT:…;ENDSHIP;`. Semicolons are left out of values,
 * empty values altogether.
 *
 * @throws SessionError `bad-option` for a SKI that is none
 */
export function toQrText({ ski, shipId, brand, type, model, serial, categories }: ShipQr): string {
  const members: readonly (readonly [name: string, value: string | undefined])[] = [
    ['SKI', normaliseSki(ski)],
    ['ID', shipId],
    ['BRAND', brand],
    ['TYPE', type],
    ['MODEL', model],
    ['SERIAL', serial],
    ['CAT', categories?.join(',')],
  ];
  const told = members
    .map(([name, value]) => [name, value?.replaceAll(';', '') ?? ''] as const)
    .filter(([, value]) => value !== '');
  return `SHIP;${told.map(([name, value]) => `${name}:${value};`).join('')}ENDSHIP;`;
}

/**
 * Reads what a scanner read. Members may come in any order and spelling of their names, unknown ones are skipped, and what
 * stands around `SHIP;…ENDSHIP;` is left to others.
 *
 * @throws SessionError `bad-option`, with a message that says what is wrong
 */
export function fromQrText(text: string): ShipQr {
  if (typeof text !== 'string') throw unfit(`expected text, got ${String(text)}`);
  if (text.length > CHARACTERS_MAX) throw unfit(`${text.length} characters are more than ${CHARACTERS_MAX}`);
  const inside = /(?:^|[;\s])SHIP;(.*?;)??ENDSHIP(?:;|\s|$)/is.exec(text);
  if (inside === null) throw unfit('expected SHIP;…ENDSHIP;');
  const members = new Map<string, string>();
  for (const part of (inside[1] ?? '').split(';')) {
    const at = part.indexOf(':');
    const name = part.slice(0, at).trim().toUpperCase();
    const value = part.slice(at + 1).trim();
    if (at > 0 && value !== '' && !members.has(name)) members.set(name, value);
  }
  const ski = members.get('SKI');
  if (ski === undefined) throw unfit('it has no SKI');
  const categories = (members.get('CAT') ?? '').split(',').map(Number).filter((each) => Number.isInteger(each) && each > 0); // prettier-ignore
  const named = { shipId: 'ID', brand: 'BRAND', type: 'TYPE', model: 'MODEL', serial: 'SERIAL' };
  return {
    ski: normaliseSki(ski),
    ...Object.fromEntries(Object.entries(named).flatMap(([key, name]) => (members.has(name) ? [[key, members.get(name)]] : []))),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

function unfit(reason: string): SessionError {
  return new SessionError('bad-option', `not the QR code of a SHIP device: ${reason}`);
}
