import fc from 'fast-check';
import { fromEebusJson, isEmpty, toEebusJson } from '../../adapters/ship/eebus-json.js';

const runs = { numRuns: 300, seed: 20240921 };

describe('SHIP/eebus json: EEBUS JSON goes out', () => {
  const rows: readonly (readonly [what: string, value: object, text: string])[] = [
    ['an object as a list of one-member objects, in order', { a: { y: 1, x: 2 } }, '{"a":[{"y":1},{"x":2}]}'],
    ['an empty object as []', { accessMethodsRequest: {} }, '{"accessMethodsRequest":[]}'],
    ['a list of scalars as itself', { formats: { format: ['JSON-UTF8'] } }, '{"formats":[{"format":["JSON-UTF8"]}]}'],
    ['a list of objects as a list of lists', { a: [{ x: 1, y: 2 }, { x: 3 }] }, '{"a":[[{"x":1},{"y":2}],[{"x":3}]]}'],
    ['an empty list as []', { a: { b: [] } }, '{"a":[{"b":[]}]}'],
    ['a list of empty objects', { a: [{}, {}] }, '{"a":[[],[]]}'],
    ['scalars untouched', { a: [1.5, -0, 1e21, true, false, null, ''] }, '{"a":[1.5,0,1e+21,true,false,null,""]}'],
    ['a scalar at the top', { error: 2 }, '{"error":2}'],
    ['a 64-bit integer whole', { a: 18446744073709551615n }, '{"a":18446744073709551615}'],
    ['<, >, & and the line separators as Go does', { a: '<&>\u2028\u2029' }, '{"a":"\\u003c\\u0026\\u003e\\u2028\\u2029"}'],
    ['members without a value not at all', { a: { b: undefined, c: 1, d: () => 1 } }, '{"a":[{"c":1}]}'],
    ['a date as JSON would', { a: new Date(0) }, '{"a":"1970-01-01T00:00:00.000Z"}'],
    ['a Map in its own order, index-like names too', { a: new Map([['b', 1], ['1', 2]]) }, '{"a":[{"b":1},{"1":2}]}'], // prettier-ignore
    ['the name __proto__ like any other', JSON.parse('{"a":{"__proto__":{"x":1}}}') as object, '{"a":[{"__proto__":[{"x":1}]}]}'],
    ['brackets escaped where ship-go of 2024 would tear them', { a: 'x},{y' }, '{"a":"x\\u007d,\\u007by"}'],
    ['other brackets as they are', { a: '{x} [y]' }, '{"a":"{x} [y]"}'],
  ];
  test.each(rows)('%s', (_, value, text) => {
    expect(toEebusJson(value)).toBe(text);
  });

  const refused: readonly (readonly [what: string, value: unknown, message: string])[] = [
    ['two members at the top', { a: 1, b: 2 }, 'exactly one member, got 2 members'],
    ['no member at the top', {}, 'exactly one member, got 0 members'],
    ['a list at the top', [{ a: 1 }], 'exactly one member, got a list'],
    ['nothing', undefined, 'exactly one member, got undefined'],
    ['null', null, 'exactly one member, got null'],
    ['NaN inside', { a: { b: [0, { c: Number.NaN }] } }, "a.b[1].c is NaN, which JSON can't say"],
    ['a hole in a list', { a: [1, , 2] }, 'a[1] is undefined'],
    ['a function in a list', { a: [() => 1] }, 'a[0] is a function'],
    ['too much of it', { a: 'x'.repeat(102_400) }, 'more than 102400'],
  ];
  test.each(refused)('but not %s', (_, value, message) => {
    expect(() => toEebusJson(value)).toThrow(message);
  });

  test('but not a ring, nor what is too deep', () => {
    const ring: Record<string, unknown> = {};
    ring['ring'] = { ring };
    expect(() => toEebusJson(ring)).toThrow('nested deeper than 128 levels');
    const selfish = { toJSON: (): unknown => selfish, x: 1 };
    expect(toEebusJson({ a: selfish })).toBe('{"a":[{"x":1}]}');
  });
});

describe('[SHIP-14] SHIP/eebus json: EEBUS JSON comes in', () => {
  const rows: readonly (readonly [what: string, text: string, value: unknown])[] = [
    // The rows of what ship-go of 2024 does with input, and what is done here.
    ['with whitespace everywhere', ' { "a" : [ { "x" : 1 } ,\r\n\t{ "y" : [ ] } ] } \n', { a: { x: 1, y: {} } }],
    ['as compact ordinary JSON', '{"accessMethods":{"id":"x"}}', { accessMethods: { id: 'x' } }],
    ['as pretty ordinary JSON', '{\n  "accessMethods": {\n    "id": "x"\n  }\n}', { accessMethods: { id: 'x' } }],
    ['with patterns inside strings', '{"a":[{"s":"a},{b [{ [] }]"}]}', { a: { s: 'a},{b [{ [] }]' } }],
    ['with an empty list', '{"a":[]}', { a: {} }],
    ['with an empty object', '{"a":{}}', { a: {} }],
    ['with a list of objects', '{"l":[[{"a":1},{"b":2}],[{"a":3}]]}', { l: [{ a: 1, b: 2 }, { a: 3 }] }],
    ['with a list of plain objects of several members', '{"l":[{"a":1,"b":2},{"a":3}]}', { l: [{ a: 1, b: 2 }, { a: 3 }] }],
    ['with NULs at both ends', '\0{"a":1}\0\0', { a: 1 }],
    ['with unknown members', '{"a":[{"x":1},{"zzz":[[1]]}]}', { a: { x: 1, zzz: [[1]] } }],
    // What else may come.
    ['with plain objects that share no name', '{"l":[{"a":1,"b":2},{"c":3}]}', { l: [{ a: 1, b: 2 }, { c: 3 }] }],
    ['with plain empty objects', '{"l":[{},{}]}', { l: [{}, {}] }],
    ['with the outermost brackets', '[{"a":[{"x":1}]}]', { a: { x: 1 } }],
    ['with a list of one-member objects of one name', '{"l":[{"a":1},{"a":2}]}', { l: [{ a: 1 }, { a: 2 }] }],
    ['with a member said twice', '{"a":1,"a":2}', { a: 2 }],
    ['with lists of scalars', '{"a":[{"f":["x",1,null,[true]]}]}', { a: { f: ['x', 1, null, [true]] } }],
    ['with escapes', '{"a\\u0062":"\\n\\ud83d\\ude00\\/"}', { ab: '\n😀/' }],
    ['with unsafe integers', '{"a":[9007199254740991,9007199254740993,-18446744073709551615]}', {
      a: [9007199254740991, 9007199254740993n, -18446744073709551615n],
    }],
    ['with fractions and exponents', '{"a":[0.1,1E2,-1.5e-3,9007199254740993.0]}', { a: [0.1, 100, -0.0015, 9007199254740992] }],
  ]; // prettier-ignore
  test.each(rows)('%s', (_, text, value) => {
    expect(fromEebusJson(text)).toEqual(value);
  });

  test('in order, but for names that look like indexes', () => {
    expect(Object.keys(fromEebusJson('[{"z":1},{"a":2},{"m":3}]') as object)).toEqual(['z', 'a', 'm']);
    expect(Object.keys(fromEebusJson('[{"z":1},{"1":2}]') as object)).toEqual(['1', 'z']);
  });

  test('and changes no prototype', () => {
    for (const text of [
      '{"__proto__":{"bad":1}}',
      '[{"__proto__":{"bad":1}},{"x":1}]',
      '[{"constructor":{"prototype":[{"bad":1}]}}]',
    ]) {
      const value = fromEebusJson(text) as object;
      expect({ text, prototype: Object.getPrototypeOf(value) as unknown }).toEqual({ text, prototype: Object.prototype });
      expect(({} as { bad?: number }).bad).toBeUndefined();
    }
  });

  const refused: readonly (readonly [text: string, message: string])[] = [
    ['', 'expected a value, got the end at character 0'],
    ['\0\0', 'expected a value'],
    ['{"a":1}x', 'expected nothing more, got "x" at character 7'],
    ['{"a":1}\0x', 'expected nothing more'],
    ['{"a" 1}', "expected ':'"],
    ['{a:1}', 'expected a member name'],
    ['{"a":1,}', 'expected a member name'],
    ['[1,]', 'expected a value'],
    ['[1 2]', "expected ',' or ']'"],
    ['{"a":1', "expected ',' or '}', got the end"],
    ['"a', `expected '"', got the end`],
    ['"a\\', `expected '"', got the end`],
    ['"\n"', 'expected a control character to be escaped, got "\\n"'],
    ['"\\x"', 'bad escape in the string at character 0'],
    ['"\\u12"', 'bad escape'],
    ['01', 'expected nothing more'],
    ['+1', 'expected a value'],
    ['.5', 'expected a value'],
    ['1.', 'expected nothing more'],
    ['NaN', 'expected a value'],
    ['tru', 'expected a value'],
    ['1e400', 'number too large'],
    ['1'.repeat(41), 'number too long'],
    ['"' + 'x'.repeat(102_400) + '"', '102402 characters are more than 102400'],
  ];
  test.each(refused)('but not as %j', (text, message) => {
    expect(() => fromEebusJson(text)).toThrow(message);
  });

  test('down to a stated depth and no further, however deep', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(JSON.stringify(fromEebusJson(nested(128)))).toBe(`${'['.repeat(127)}{}${']'.repeat(127)}`);
    expect(() => fromEebusJson(nested(129))).toThrow('nested deeper than 128 levels, at character 128');
    expect(() => fromEebusJson('[{"a":'.repeat(17_000))).toThrow('nested deeper');
    expect(fromEebusJson(`[${Array(200).fill('{"a":[]}').join()}]`)).toHaveLength(200);
  });

  test('and says where there is nothing in it', () => {
    expect([{}, [], [{}], { a: 1 }, null, '', 0].map(isEmpty)).toEqual([true, true, false, false, false, false, false]);
  });
});

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom('[', '{', '}', ']', ',', '"', '\\', '\0', ':', 'a', '<', '\u2028')).map((each) => each.join('')),
);
/** Whole numbers beyond 2^53 would come back as bigints. */
const fraction = fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true });
const scalar = fc.oneof(
  hostile,
  fc.integer(),
  fraction,
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }),
);
/** Without empty lists, which come back as empty objects. */
const { anything } = fc.letrec<{ anything: unknown; list: unknown; object: object }>((tie) => ({
  anything: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('list'), tie('object')),
  list: fc.array(tie('anything'), { minLength: 1, maxLength: 4 }),
  object: fc.dictionary(hostile, tie('anything'), { maxKeys: 4, noNullPrototype: true }),
}));
const message = fc.tuple(hostile, anything).map(([name, value]) => fromEntries([[name, value]]));

describe('SHIP/eebus json: EEBUS JSON both ways', () => {
  test('brings back what was sent', () => {
    fc.assert(
      fc.property(message, (value) => expect(fromEebusJson(toEebusJson(value))).toEqual(value)),
      runs,
    );
  });

  test('brings back the same text from what came', () => {
    const again = (text: string): string => toEebusJson(fromEebusJson(text));
    fc.assert(
      fc.property(message, (value) => {
        const text = toEebusJson(value);
        expect(again(text)).toBe(text);
      }),
      runs,
    );
  });

  test('is read by ship-go of 2024 as it was meant, hostile strings included', () => {
    const noBigIntegers = (_: string, each: unknown): unknown => (typeof each === 'bigint' ? Number(each) : each);
    fc.assert(
      fc.property(message, (value) => {
        const read: unknown = JSON.parse(shipGoOf2024(toEebusJson(value)));
        expect(read).toEqual(JSON.parse(JSON.stringify(value, noBigIntegers)));
      }),
      runs,
    );
  });

  test('takes ordinary JSON with whitespace too, where it has no lists that mean something else', () => {
    const { object } = fc.letrec<{ object: object }>((tie) => ({
      object: fc.dictionary(hostile, fc.oneof({ depthSize: 'small' }, fc.string(), fraction, tie('object')), { noNullPrototype: true }),
    })); // prettier-ignore
    fc.assert(
      fc.property(object, fc.constantFrom('', ' ', '\t', '\n'), (value, space) => {
        expect(fromEebusJson(JSON.stringify(value, null, space))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      runs,
    );
  });

  test('refuses what JSON.parse refuses and takes what it takes', () => {
    const piece = fc.constantFrom('[', '{', '}', ']', ',', ':', '"', '\\', 'a', '1', '-', '.', 'e', '0', 'null', 'true', ' ', '"b"', '\\u00e9', '\n'); // prettier-ignore
    const result = (read: () => unknown): boolean => {
      try {
        read();
        return true;
      } catch (error) {
        expect(['JsonError', 'SyntaxError']).toContain((error as Error).name);
        return false;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect({ text, taken: result(() => fromEebusJson(text)) }).toEqual({ text, taken: result(() => JSON.parse(text)) });
      }),
      { numRuns: 5000, seed: 7 },
    );
  });
});

/** What ship-go of 2024 makes of the bytes before it decodes them: four textual replacements, in this order. */
function shipGoOf2024(text: string): string {
  return text.replaceAll('[{', '{').replaceAll('},{', ',').replaceAll('}]', '}').replaceAll('[]', '{}');
}

function fromEntries(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}
