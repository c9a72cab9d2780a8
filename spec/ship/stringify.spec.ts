import { makeShipCodec, stringifyPayload } from '../../adapters/ship/index.js';

const circular: Record<string, unknown> = { a: 1 };
circular['self'] = circular;
let deep: unknown = 1;
for (let i = 0; i < 100_000; i++) deep = [deep];

test('stringifyPayload: what a device may send is written as it is on the wire', () => {
  const message = makeShipCodec().decode(
    new TextEncoder().encode('\x02{"data":[{"payload":{"datagram":[{"n":9007199254740993},{"m":[-9007199254740993]}]}}]}'),
  );
  expect(message.kind === 'data' && stringifyPayload(message.payload)).toBe(
    '{"datagram":{"n":9007199254740993,"m":[-9007199254740993]}}',
  );
});

test('stringifyPayload: writes what JSON.stringify writes, and never throws', () => {
  for (const value of [null, true, 'a"b\u2028', 1.5, [], {}, [undefined], { a: undefined, b: [1, { c: 'd' }] }, new Date(0)])
    expect(stringifyPayload(value)).toBe(JSON.stringify(value));
  expect(stringifyPayload(circular)).toBe('{"a":1,"self":"(circular)"}');
  expect(stringifyPayload(undefined)).toBe('null');
  expect(stringifyPayload([NaN, Infinity])).toBe('["NaN","Infinity"]');
  expect(stringifyPayload(deep)).toContain('too deep');
  const hostile = Object.defineProperty({}, 'x', { enumerable: true, get: () => expect(1).toBe(2) });
  expect(stringifyPayload(hostile)).toBe('{"x":"(unreadable)"}');
});
