import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeShipCodec } from '../../adapters/ship/codec.js';
import type { ShipMessage, OutgoingShipMessage } from '../../machines/ship/ship.messages.js';

const codec = makeShipCodec();
const bytesOf = (type: number, text: string): Uint8Array => new Uint8Array([type, ...Buffer.from(text)]);
const textOf = (bytes: Uint8Array): string => `${bytes[0]} ${Buffer.from(bytes.subarray(1)).toString()}`;
const read = (type: number, text: string): ShipMessage => codec.decode(bytesOf(type, text));

/** Every message there is, as ship-go writes it. */
const rows: readonly (readonly [text: string, message: OutgoingShipMessage])[] = [
  ['1 {"connectionHello":[{"phase":"ready"},{"waiting":60000}]}', { kind: 'hello', phase: 'ready', waitingMs: 60000 }],
  ['1 {"connectionHello":[{"phase":"pending"},{"prolongationRequest":true}]}', { kind: 'hello', phase: 'pending', prolongationRequest: true }],
  ['1 {"connectionHello":[{"phase":"aborted"}]}', { kind: 'hello', phase: 'aborted' }],
  ['1 {"messageProtocolHandshake":[{"handshakeType":"announceMax"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":["JSON-UTF8"]}]}]}',
    { kind: 'protocol', handshakeType: 'announceMax', version: { major: 1, minor: 0 }, formats: ['JSON-UTF8'] }],
  ['1 {"messageProtocolHandshake":[{"handshakeType":"select"},{"version":[{"major":255},{"minor":9}]},{"formats":[{"format":["JSON-UTF8","JSON-UTF16"]}]}]}',
    { kind: 'protocol', handshakeType: 'select', version: { major: 255, minor: 9 }, formats: ['JSON-UTF8', 'JSON-UTF16'] }],
  ['1 {"messageProtocolHandshake":[{"handshakeType":"select"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":[]}]}]}',
    { kind: 'protocol', handshakeType: 'select', version: { major: 1, minor: 0 }, formats: [] }],
  ['1 {"messageProtocolHandshakeError":[{"error":2}]}', { kind: 'protocol-error', error: 2 }],
  ['1 {"connectionPinState":[{"pinState":"none"}]}', { kind: 'pin', pinState: 'none' }],
  ['1 {"connectionPinState":[{"pinState":"required"},{"inputPermission":"busy"}]}', { kind: 'pin', pinState: 'required', inputPermission: 'busy' }],
  ['1 {"connectionPinInput":[{"pin":"12345678"}]}', { kind: 'pin-input', pin: '12345678' }],
  ['1 {"connectionPinError":[{"error":1}]}', { kind: 'pin-error', error: 1 }],
  ['1 {"accessMethodsRequest":[]}', { kind: 'access-request' }],
  ['1 {"accessMethods":[{"id":"i:46925_wallbox"}]}', { kind: 'access', id: 'i:46925_wallbox' }],
  ['1 {"accessMethods":[{"id":"x"},{"dnsSd_mDns":[]},{"dns":[{"uri":"wss://a.example:4711/ship/"}]}]}',
    { kind: 'access', id: 'x', dnsSdMdns: true, dnsUri: 'wss://a.example:4711/ship/' }],
  ['2 {"data":[{"header":[{"protocolId":"ee1.0"}]},{"payload":{"datagram":[{"a":1},{"l":[[{"b":2}]]}]}}]}',
    { kind: 'data', protocolId: 'ee1.0', payload: { datagram: { a: 1, l: [{ b: 2 }] } } }],
  ['2 {"data":[{"header":[{"protocolId":"ee1.0"}]},{"payload":{"datagram":[]}},{"extension":[{"extensionId":"e"},{"binary":"00ff"},{"string":"s"}]}]}',
    { kind: 'data', protocolId: 'ee1.0', payload: { datagram: {} }, extension: { extensionId: 'e', binary: '00ff', string: 's' } }],
  ['3 {"connectionClose":[{"phase":"announce"},{"maxTime":500},{"reason":"User close"}]}', { kind: 'close', phase: 'announce', maxTimeMs: 500, reason: 'User close' }],
  ['3 {"connectionClose":[{"phase":"confirm"}]}', { kind: 'close', phase: 'confirm' }],
]; // prettier-ignore

describe('SHIP/codec: a SHIP message', () => {
  test.each(rows)('%s', (text, message) => {
    expect(textOf(codec.encode(message))).toBe(text);
    expect(read(Number(text[0]), text.slice(2))).toEqual(message);
  });

  test('that begins a connection is two bytes, of which the second is reported', () => {
    expect(codec.encode({ kind: 'init', value: 0 })).toEqual(Uint8Array.of(0, 0));
    expect(codec.decode(Uint8Array.of(0, 0))).toEqual({ kind: 'init', value: 0 });
    expect(codec.decode(Uint8Array.of(0, 0, 255))).toEqual({ kind: 'init', value: 0 });
    expect(codec.decode(Uint8Array.of(0, 5))).toEqual({ kind: 'init', value: 5 });
  });

  test('is read in ordinary form, with whitespace, NULs and unknown members just as well', () => {
    for (const [text, message] of rows) {
      const pretty = JSON.stringify(JSON.parse(text.slice(2)), null, 2);
      expect(read(Number(text[0]), pretty)).toEqual(message);
      expect(read(Number(text[0]), `\0 ${text.slice(2)}\0\0`)).toEqual(message);
    }
    expect(read(1, '{"connectionHello":{"later":{"x":[1]},"phase":"ready","waiting":1}}')).toEqual({ kind: 'hello', phase: 'ready', waitingMs: 1 }); // prettier-ignore
    expect(read(1, '{"zzz":1,"accessMethods":{"id":"x"}}')).toEqual({ kind: 'access', id: 'x' });
    expect(read(1, '{"connectionHello":[{"phase":"ready"},{"waiting":null}]}')).toEqual({ kind: 'hello', phase: 'ready' });
    expect(read(1, '\uFEFF{"accessMethodsRequest":{}}')).toEqual({ kind: 'access-request' });
  });

  test('about a failed handshake is also read without its name, as ship-go of 2024 sends it', () => {
    expect(read(1, '{"error":2}')).toEqual({ kind: 'protocol-error', error: 2 });
  });

  test('with data needs no header, and with a close no reason that is a text', () => {
    expect(read(2, '{"data":[{"payload":{"datagram":[]}}]}')).toEqual({ kind: 'data', payload: { datagram: {} } });
    expect(read(2, '{"data":[{"header":[]},{"payload":{"a":[]}}]}')).toEqual({ kind: 'data', payload: { a: {} } });
    expect(read(3, '{"connectionClose":[{"phase":"confirm"},{"reason":7}]}')).toEqual({ kind: 'close', phase: 'confirm' });
  });

  test('never holds the word by which ship-go of 2024 takes it for data, unless it is data', () => {
    const bytes = codec.encode({ kind: 'access', id: 'datagram-datagram' });
    expect(Buffer.from(bytes).includes('datagram')).toBe(false);
    expect(codec.decode(bytes)).toEqual({ kind: 'access', id: 'datagram-datagram' });
    expect(Buffer.from(codec.encode({ kind: 'data', payload: { datagram: 'datagram' } })).toString()).toContain(
      '"datagram":"datagram"',
    );
  });

  test('carries whole milliseconds, none below 0', () => {
    expect(textOf(codec.encode({ kind: 'hello', phase: 'ready', waitingMs: 59999.7 }))).toContain('{"waiting":60000}');
    expect(textOf(codec.encode({ kind: 'hello', phase: 'ready', waitingMs: -3 }))).toContain('{"waiting":0}');
    expect(textOf(codec.encode({ kind: 'close', phase: 'announce', maxTimeMs: 0.4 }))).toContain('{"maxTime":0}');
  });
});

describe('SHIP/codec: a SHIP message is malformed', () => {
  const handshake = (middle: string): string => `{"messageProtocolHandshake":[${middle}]}`;
  const refused: readonly (readonly [type: number, text: string, reason: string])[] = [
    [1, '', 'a message has at least two bytes, got 1'],
    [1, ' ', 'expected a value, got the end at character 1'],
    [1, 'not json', 'expected a value, got "n" at character 0'],
    [1, '{}', 'a message has a member, got none'],
    [1, '[]', 'a message has a member, got none'],
    [1, '1', 'a message is an object'],
    [1, '[1,2]', 'a message is an object'],
    [1, '{"accessMethodsRequest":[],"accessMethods":[{"id":"x"}]}', 'one message at a time, got accessMethodsRequest and accessMethods'],
    [1, '{"connectionHello":[]}', 'connectionHello.phase is missing'],
    [1, '{"connectionHello":7}', 'connectionHello is an object, got 7'],
    [1, '{"connectionHello":[{"phase":"ready"},{"phase":"aborted"}]}', 'connectionHello is an object, got [{"phase":"ready"},{"phase":"aborted"}]'],
    [1, '{"connectionHello":[{"phase":"Ready"}]}', 'connectionHello.phase is pending or ready or aborted, got "Ready"'],
    [1, '{"connectionHello":[{"phase":"ready"},{"waiting":-1}]}', 'connectionHello.waiting is a whole number, 0 or more, got -1'],
    [1, '{"connectionHello":[{"phase":"ready"},{"waiting":1.5}]}', 'connectionHello.waiting is a whole number, 0 or more, got 1.5'],
    [1, '{"connectionHello":[{"phase":"ready"},{"waiting":"1"}]}', 'got "1"'],
    [1, '{"connectionHello":[{"phase":"ready"},{"waiting":9007199254740993}]}', 'got 9007199254740993'],
    [1, '{"connectionHello":[{"phase":"pending"},{"prolongationRequest":"true"}]}', 'connectionHello.prolongationRequest is true or false, got "true"'],
    [1, handshake('{"handshakeType":"select"}'), 'messageProtocolHandshake.version is missing'],
    [1, handshake('{"handshakeType":"select"},{"version":[{"major":1},{"minor":0}]}'), 'messageProtocolHandshake.formats is missing'],
    [1, handshake('{"handshakeType":"select"},{"version":[{"major":256},{"minor":0}]},{"formats":[{"format":["x"]}]}'), 'version.major is a whole number, 0 to 255, got 256'],
    [1, handshake('{"handshakeType":"select"},{"version":[{"major":1},{"minor":-1}]},{"formats":[{"format":["x"]}]}'), 'version.minor is a whole number, 0 to 255, got -1'],
    [1, handshake('{"handshakeType":"select"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":"JSON-UTF8"}]}'), 'formats.format is a list, got "JSON-UTF8"'],
    [1, handshake('{"handshakeType":"select"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":["x",1]}]}'), 'formats.format[1] is a string, got 1'],
    [1, handshake('{"handshakeType":"other"},{"version":[{"major":1},{"minor":0}]},{"formats":[{"format":["x"]}]}'), 'handshakeType is announceMax or select, got "other"'],
    [1, '{"messageProtocolHandshakeError":[{"error":"2"}]}', 'messageProtocolHandshakeError.error is a whole number, 0 to 255, got "2"'],
    [1, '{"error":256}', 'error is a whole number, 0 to 255, got 256'],
    [1, '{"connectionPinState":[{"pinState":"maybe"}]}', 'connectionPinState.pinState is required or optional or pinOk or none, got "maybe"'],
    [1, '{"connectionPinInput":[{"pin":1234}]}', 'connectionPinInput.pin is a string, got 1234'],
    [1, '{"connectionPinError":[]}', 'connectionPinError.error is missing'],
    [1, '{"accessMethodsRequest":1}', 'accessMethodsRequest is an object, got 1'],
    [1, '{"accessMethods":[{"id":""}]}', 'accessMethods.id is empty'],
    [1, `{"accessMethods":[{"id":"${'x'.repeat(1025)}"}]}`, 'accessMethods.id has 1025 characters, more than 1024'],
    [2, '{"data":[{"header":[{"protocolId":"ee1.0"}]}]}', 'data.payload is missing'],
    [2, '{"data":[{"payload":[[1]]}]}', 'data.payload is an object, got [[1]]'],
    [3, '{"connectionClose":[{"phase":"now"}]}', 'connectionClose.phase is announce or confirm, got "now"'],
    [1, '{"data":[{"payload":{"a":[]}}]}', 'data is of type 2, got type 1'],
    [2, '{"connectionHello":[{"phase":"ready"}]}', 'connectionHello is of type 1, got type 2'],
    [1, '{"connectionClose":[{"phase":"announce"}]}', 'connectionClose is of type 3, got type 1'],
  ]; // prettier-ignore
  test.each(refused)('%i %s', (type, text, reason) => {
    const message = read(type, text);
    expect(message.kind).toBe('malformed');
    expect((message as { reason: string }).reason).toContain(reason);
  });

  test('where it is no UTF-8, too long, too deep or nothing at all', () => {
    const reasonOf = (bytes: Uint8Array): unknown => ({ ...codec.decode(bytes) });
    expect(reasonOf(Uint8Array.of(1, 0xc3, 0x28))).toEqual({ kind: 'malformed', reason: 'the text is not UTF-8' });
    expect(reasonOf(new Uint8Array(102_401).fill(0x31))).toEqual({
      kind: 'malformed',
      reason: '102401 bytes are more than 102400',
    });
    expect(reasonOf(bytesOf(2, '['.repeat(200)))).toEqual({ kind: 'malformed', reason: 'nested deeper than 128 levels, at character 128' }); // prettier-ignore
    expect(reasonOf(new Uint8Array())).toEqual({ kind: 'malformed', reason: 'a message has at least two bytes, got 0' });
  });
});

describe('SHIP codec: an optional member of a wrong shape counts as not there', () => {
  const accepted: readonly (readonly [type: number, text: string, message: object])[] = [
    [1, '{"accessMethods":[{"id":"x"},{"dns":"host.local"}]}', { kind: 'access', id: 'x' }],
    [1, '{"accessMethods":[{"id":"x"},{"dns":[{"uri":1}]}]}', { kind: 'access', id: 'x' }],
    [1, '{"accessMethods":[{"id":"x"},{"dns":[[1],[2]]}]}', { kind: 'access', id: 'x' }],
    [1, '{"accessMethods":[{"id":"x"},{"dnsSd_mDns":"yes"}]}', { kind: 'access', id: 'x', dnsSdMdns: true }],
    [1, '{"connectionPinState":[{"pinState":"none"},{"inputPermission":"no"}]}', { kind: 'pin', pinState: 'none' }],
    [1, '{"connectionPinState":[{"pinState":"none"},{"inputPermission":[]}]}', { kind: 'pin', pinState: 'none' }],
    [2, '{"data":[{"header":[{"protocolId":1}]},{"payload":{"a":[]}}]}', { kind: 'data', payload: { a: {} } }],
    [2, '{"data":[{"header":"ee1.0"},{"payload":{"a":[]}}]}', { kind: 'data', payload: { a: {} } }],
    [2, '{"data":[{"payload":{"a":[]}},{"extension":"none"}]}', { kind: 'data', payload: { a: {} } }],
    [2, '{"data":[{"payload":{"a":[]}},{"extension":[{"binary":1},{"string":"s"}]}]}', { kind: 'data', payload: { a: {} }, extension: { string: 's' } }],
    [3, '{"connectionClose":[{"phase":"announce"},{"maxTime":-1},{"reason":7}]}', { kind: 'close', phase: 'announce' }],
    [3, '{"connectionClose":[{"phase":"announce"},{"maxTime":"500"}]}', { kind: 'close', phase: 'announce' }],
  ]; // prettier-ignore
  test.each(accepted)('%i %s', (type, text, message) => {
    expect(read(type, text)).toEqual(message);
  });
});

describe('SHIP codec: access methods of a 1.0 device have no id', () => {
  test.each(['{"accessMethods":[]}', '{"accessMethods":[{"id":null}]}', '{"accessMethods":[{"dnsSd_mDns":[]}]}'])(
    '%s',
    (text) => {
      const message = read(1, text);
      expect([message.kind, (message as { id?: string }).id]).toEqual(['access', undefined]);
    },
  );
});

describe('SHIP/codec: a SHIP message is unknown', () => {
  test('by its type or by its name', () => {
    expect(read(9, '{"foo":[]}')).toEqual({ kind: 'unknown', reason: 'unknown message type 9' });
    expect(read(1, '{"foo":[]}')).toEqual({ kind: 'unknown', reason: 'unknown message "foo"' });
    // What SHIP 1.1 adds, and some devices send after 1.0 was selected.
    expect(read(1, '{"keyMaterialState":[{"keyMaterialState":"none"}]}')).toEqual({
      kind: 'unknown',
      reason: 'unknown message "keyMaterialState"',
    });
    expect(read(1, '{"__proto__":{"phase":"ready"}}')).toEqual({ kind: 'unknown', reason: 'unknown message "__proto__"' });
    expect(read(1, '{"constructor":[]}')).toEqual({ kind: 'unknown', reason: 'unknown message "constructor"' });
  });
});

test('SHIP/codec: the type byte may be left to the name, for devices that get it wrong', () => {
  const tolerant = makeShipCodec({ typeByte: 'ignored' });
  for (const [text, message] of rows) {
    for (const type of [1, 2, 3]) expect(tolerant.decode(bytesOf(type, text.slice(2)))).toEqual(message);
  }
  expect(tolerant.decode(bytesOf(9, '{"data":[{"payload":{"a":[]}}]}')).kind).toBe('unknown');
});

describe('SHIP/codec: what can not be said is refused', () => {
  const refused: readonly (readonly [what: string, payload: Record<string, unknown>, message: string])[] = [
    ['no member', {}, 'exactly one member, got 0 members'],
    ['two members', { a: 1, b: 2 }, 'exactly one member, got 2 members'],
    ['no JSON', { a: Number.NaN }, "a is NaN, which JSON can't say"],
    ['too much', { a: 'ä'.repeat(51_190) }, 'a data message of 102448 bytes; the limit is 102400'],
    ['too much to look at', { a: 'x'.repeat(102_400) }, 'more than 102400'],
  ];
  test.each(refused)('%s', (_, payload, message) => {
    expect(() => codec.encode({ kind: 'data', payload })).toThrow(message);
  });

  test('up to the limit, and no byte more', () => {
    const small = makeShipCodec({ bytesMax: 100 });
    const said = (length: number): Uint8Array => small.encode({ kind: 'data', payload: { a: 'x'.repeat(length) } });
    const room = 100 - said(0).length;
    expect(said(room)).toHaveLength(100);
    expect(small.decode(said(room))).toMatchObject({ kind: 'data' });
    expect(() => said(room + 1)).toThrow('101 bytes; the limit is 100');
    expect(small.decode(new Uint8Array(101)).kind).toBe('malformed');
  });
});

describe('SHIP/codec: a real ship-go', () => {
  const transcript = ['go-as-client.txt', 'go-as-server.txt', 'go-as-server-timeouts.txt']
    .map((file) => readFileSync(join(__dirname, '../vectors/ship', file), 'utf8'))
    .join('\n');
  const said = (who: 'SEND' | 'RECV'): readonly (readonly [type: number, text: string])[] => {
    const lines = transcript.matchAll(new RegExp(`^ *\\d+ ${who} (?:bin |true )?(\\d) (.*(?:\\n(?! *\\d+ |#).+)*)`, 'gm'));
    return [
      ...new Map([...lines].map((match) => [match[0].replace(/^ *\d+ /, ''), [Number(match[1]), match[2]!] as const])).values(),
    ];
  };

  test('is understood in every word, and every word is what would be written here', () => {
    const words = said('RECV').filter(([type]) => type > 0);
    expect(words.length).toBeGreaterThan(15);
    for (const [type, text] of words) {
      const message = read(type, text);
      expect({ text, kind: message.kind }).not.toMatchObject({ kind: expect.stringMatching(/malformed|unknown/) as unknown });
      if (text === '{"error":2}') continue; // Its own mistake, corrected later.
      expect(textOf(codec.encode(message as OutgoingShipMessage))).toBe(`${type} ${text}`);
    }
  });

  test('begins with two zeros', () => {
    expect(transcript).toMatch(/RECV (bin |true )?0 0000/);
  });

  test('was sent odd things, which are read here as they were meant', () => {
    const kinds = said('SEND').map(([type, text]) => [`${type} ${text.replace(/\s+/g, '').slice(0, 48)}`, read(type, text).kind]);
    const odd = kinds.filter(([, kind]) => kind === 'malformed' || kind === 'unknown');
    expect(odd).toEqual([
      ['1 {"data":[{"header":[{"protocolId":"zzz"}]},{"pay', 'malformed'],
      ['1 notjson', 'malformed'],
      ['1 {"connectionClose":[{"phase":"announce"}]}', 'malformed'],
      ['9 {"foo":[]}', 'unknown'],
    ]);
    expect(kinds.length).toBeGreaterThan(25);
  });
});

describe('SHIP/codec: any bytes', () => {
  test('are read without an exception', () => {
    const near = fc.constantFrom(...rows.map(([text]) => bytesOf(Number(text[0]), text.slice(2))));
    const damaged = fc.tuple(near, fc.nat(), fc.nat({ max: 255 })).map(([bytes, at, byte]) => {
      const copy = bytes.slice();
      copy[at % copy.length] = byte;
      return copy;
    });
    const cut = fc.tuple(near, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % bytes.length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged, cut), (bytes) => {
        const message = codec.decode(bytes);
        expect(typeof message.kind).toBe('string');
      }),
      { numRuns: 3000, seed: 11 },
    );
  });

  test('cut short are never a message', () => {
    for (const [text] of rows) {
      const bytes = bytesOf(Number(text[0]), text.slice(2));
      for (let length = 0; length < bytes.length; length++) {
        expect({ text, length, kind: codec.decode(bytes.subarray(0, length)).kind }).toEqual({ text, length, kind: 'malformed' });
      }
    }
  });

  test('are not kept: the message stays when the buffer is used again', () => {
    const bytes = bytesOf(2, '{"data":[{"payload":{"datagram":"text"}}]}');
    const message = codec.decode(bytes);
    bytes.fill(0);
    expect(message).toEqual({ kind: 'data', payload: { datagram: 'text' } });
  });
});
