import fc from 'fast-check';
import { fromQrText, toQrText, type ShipQr } from '../../adapters/ship/qr.js';
import { readTxt, txtStrings, type ShipTxt } from '../../adapters/ship/txt-record.js';

const ski = '5be1f1a689c4ac0726881d8e88511806b81fd8e3';
const whole: ShipQr = {
  ski,
  shipId: 'i:46925_x',
  brand: 'Brand',
  type: 'Wallbox',
  model: 'M 1',
  serial: '0815',
  categories: [3, 2],
};
const text = `SHIP;SKI:${ski};ID:i:46925_x;BRAND:Brand;TYPE:Wallbox;MODEL:M 1;SERIAL:0815;CAT:3,2;ENDSHIP;`;

describe('SHIP/qr: the QR code of a SHIP device', () => {
  test('says everything in order, and is read again', () => {
    expect(toQrText(whole)).toBe(text);
    expect(fromQrText(text)).toEqual(whole);
  });

  test('leaves out what is empty, and semicolons', () => {
    expect(toQrText({ ski: ski.toUpperCase(), shipId: 'a;b', brand: '', categories: [] })).toBe(`SHIP;SKI:${ski};ID:ab;ENDSHIP;`);
  });

  test('is read in any order and case, among other things, with colons in values and unknown members', () => {
    const odd = `other;ship;id:i:1;NEW:x;ski:${ski.toUpperCase().replace(/.{4}/g, '$& ')};SKI:second;EndShip;more`;
    expect(fromQrText(odd)).toEqual({ ski, shipId: 'i:1' });
    expect(fromQrText(`SHIP;SKI:${ski};CAT:3,x,0,2;ENDSHIP`)).toEqual({ ski, categories: [3, 2] });
  });

  test.each([
    ['', 'expected SHIP;…ENDSHIP;'],
    [`SKI:${ski};`, 'expected SHIP;…ENDSHIP;'],
    [`SHIP;SKI:${ski};`, 'expected SHIP;…ENDSHIP;'],
    [`XSHIP;SKI:${ski};ENDSHIP;`, 'expected SHIP;…ENDSHIP;'],
    ['SHIP;ENDSHIP;', 'it has no SKI'],
    ['SHIP;ID:x;ENDSHIP;', 'it has no SKI'],
    ['SHIP;SKI:abc;ENDSHIP;', 'bad SKI "abc": expected 40 hex digits, got 3'],
    ['x'.repeat(4297), '4297 characters are more than 4296'],
  ])('is refused as %j', (odd, message) => {
    expect(() => fromQrText(odd)).toThrow(message);
  });

  const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((each) => each.replaceAll(';', '').trim()).filter((each) => each !== ''); // prettier-ignore
  const optional = { shipId: value, brand: value, type: value, model: value, serial: value, categories: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 7 }) }; // prettier-ignore
  test('means the same after any way there and back', () => {
    fc.assert(
      fc.property(fc.record({ ski: fc.constant(ski), ...optional }, { requiredKeys: ['ski'] }), (device) => {
        expect(fromQrText(toQrText(device))).toEqual(device);
      }),
      { numRuns: 500, seed: 9 },
    );
  });

  test('is read in no time, or refused, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('SHIP;', 'ENDSHIP;', 'SKI:', ski, ';', ':', ' ', 'x', '\n'), { maxLength: 400 }),
        (parts) => {
          try {
            expect(fromQrText(parts.join('')).ski).toBe(ski);
          } catch (error) {
            expect((error as { code?: string }).code).toBe('bad-option');
          }
        },
      ),
      { numRuns: 500, seed: 9 },
    );
  });
});

describe('SHIP/qr: the TXT record of a SHIP service', () => {
  const own: ShipTxt = { ski, shipId: 'i:1', path: '/ship/', isRegistering: false };
  const bytes = (strings: readonly string[]): Uint8Array[] => strings.map((each) => Buffer.from(each));

  test('has brand, model and type in any case, as ship-go has them', () => {
    expect(txtStrings(own)).toEqual(['txtvers=1', 'path=/ship/', 'id=i:1', `ski=${ski}`, 'brand=', 'model=', 'type=', 'register=false']); // prettier-ignore
    expect(readTxt(bytes(txtStrings(own)))).toEqual(own);
  });

  test('has labels of at most 32 bytes, cut between characters', () => {
    const long = txtStrings({
      ...own,
      brand: 'x'.repeat(40),
      model: 'ä'.repeat(40),
      type: `${'x'.repeat(31)}ä`,
      serial: '😀'.repeat(9),
    });
    expect(long.slice(4, 8)).toEqual([`brand=${'x'.repeat(32)}`, `model=${'ä'.repeat(16)}`, `type=${'x'.repeat(31)}`, `serial=${'😀'.repeat(8)}`]); // prettier-ignore
  });

  test('refuses what no record can say', () => {
    expect(() => txtStrings({ ...own, path: 'ship' })).toThrow('bad path "ship": expected one that begins with a slash');
    expect(() => txtStrings({ ...own, shipId: 'x'.repeat(253) })).toThrow('id is too long for a TXT record');
    expect(txtStrings({ ...own, shipId: 'x'.repeat(252) })[2]).toHaveLength(255);
  });

  test('may hold values with an equals sign, keys in any case, doubles, and control characters', () => {
    const odd = [
      'TxtVers=1',
      'PATH=/a=b/',
      'id=x=y',
      'id=z',
      `ski=${ski}`,
      'REGISTER=True',
      'brand=a\u0007b',
      'cat=3,x,,2',
      'flag',
      '=x',
      '',
    ];
    expect(readTxt(bytes(odd))).toEqual({
      ski,
      shipId: 'x=y',
      path: '/a=b/',
      isRegistering: true,
      brand: 'ab',
      categories: [3, 2],
    });
  });
});
