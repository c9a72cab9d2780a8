import { momentOf, queryOf, type Searched } from '../../../visualizer/page/model/query.js';

const session: Searched = {
  name: 'resume #3',
  protocol: 'resume',
  peer: 'tcp://server.example:7000',
  states: ['engaged.completed', 'alive.linkage.disconnected.asking', 'suspended'],
  closing: 'window-expired',
  bornMs: 2000,
  endedMs: 62_000,
};
const finds = (text: string, of: Searched = session): boolean => queryOf(text).matches(of);

describe('inspector/search: a query', () => {
  test.each([
    ['nothing', '', true],
    ['a state', 'state:suspended', true],
    ['a state inside others', 'state:linkage.disconnected', true],
    ['a state that it is not in', 'state:flowing', false],
    ['a peer', 'peer:server', true],
    ['another peer', 'peer:client', false],
    ['a pattern', 'peer:tcp*7000', true],
    ['a closing', 'closing:window-*', true],
    ['any closing', 'closing:*', true],
    ['a protocol', 'protocol:RESUME', true],
    ['a name', 'name:#3', true],
    ['a bare word', 'window', true],
    ['two terms of which one fails', 'state:suspended peer:client', false],
    ['an exclusion', '-state:flowing', true],
    ['an exclusion that hits', '-suspended', false],
    ['a moment before its end', 'after:1:01', true],
    ['a moment after its end', 'after:63s', false],
    ['a moment before its beginning', 'before:1500ms', false],
    ['a moment after its beginning', 'before:2.5s', true],
    ['text that means something in a regular expression', 'peer:(server', false],
  ])('finds by %s: %s', (_, text, isFound) => {
    expect({ text, isFound: finds(text) }).toEqual({ text, isFound });
  });

  test('"any closing" leaves out sessions that have not ended', () => {
    expect(finds('closing:*', { ...session, closing: undefined })).toBe(false);
  });

  test('after any moment there are sessions that have not ended', () => {
    expect(finds('after:5:00:00', { ...session, endedMs: undefined })).toBe(true);
  });

  test.each([
    ['colour:red', 'unknown key "colour"'],
    ['state:', '"state:" has nothing behind the colon'],
    ['after:noon', '"after:noon": expected a moment such as 12.5s'],
  ])('that is wrong (%s) says what is wrong, and its other terms still apply', (wrong, complaint) => {
    const query = queryOf(`${wrong} peer:client`);
    expect(query.complaint).toContain(complaint);
    expect(query.matches(session)).toBe(false);
    expect(queryOf(`${wrong} peer:server`).matches(session)).toBe(true);
  });
});

test('inspector/search: moments are read in every spelling', () => {
  const texts = ['900ms', '12.5s', '3', '2m', '1h', '1:04', '1:02:03', '0:00.5', '', '1:2:3:4', '-1', '5d'];
  expect(texts.map(momentOf)).toEqual([900, 12_500, 3000, 120_000, 3_600_000, 64_000, 3_723_000, 500, ...Array<undefined>(4)]);
});
