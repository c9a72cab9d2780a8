import { closing, type ClosingCode } from '../../machines/closing.js';
import {
  decideCallersFail,
  decideMeeting,
  decideRedial,
  decideRetry,
  type EndingFacts,
  type MeetingFacts,
} from '../../machines/hub/hub-state.js';

const ended = (code: ClosingCode, facts: Partial<EndingFacts> = {}): EndingFacts => ({
  closing: closing(code, 'remote'),
  isServing: true,
  keep: 'always',
  hasCallers: false,
  hasSuccessor: false,
  hasUntriedAddress: false,
  protocolSays: undefined,
  ...facts,
});

describe('hub decisions: another attempt after an ending', () => {
  test.each<[string, EndingFacts, boolean]>([
    ['a registered peer is dialed again', ended('reset'), true],
    ['not while the hub shuts down', ended('reset', { isServing: false }), false],
    [
      'nor then for callers with an untried address',
      ended('reset', { isServing: false, hasCallers: true, hasUntriedAddress: true }),
      false,
    ],
    ['nor then for a successor', ended('peer-lost-session', { isServing: false, keep: undefined, hasSuccessor: true }), false],
    ['a successor is dialed', ended('peer-lost-session', { keep: undefined, hasSuccessor: true }), true],
    ['a denial ends it', ended('trust-denied'), false],
    ['unless the protocol says when', ended('trust-denied', { protocolSays: 'longest' }), true],
    ['the protocol may say never', ended('reset', { protocolSays: 'never' }), false],
    ['one attempt is one attempt', ended('refused', { keep: undefined, hasCallers: true }), false],
    [
      'but goes on with an untried address',
      ended('identity-mismatch', { keep: undefined, hasCallers: true, hasUntriedAddress: true }),
      true,
    ],
    ['which nothing wants', ended('identity-mismatch', { keep: undefined, hasUntriedAddress: true }), false],
  ])('%s', (_, facts, expected) => {
    expect(decideRetry(facts)).toBe(expected);
  });

  test('the protocol counts for a registered peer alone', () => {
    expect(decideRedial(ended('reset', { protocolSays: 'longest' }))).toBe('longest');
    expect(decideRedial(ended('reset', { keep: 'retries', protocolSays: 'longest' }))).toBe('next');
  });

  test('callers fail when nothing follows, and wait for the next connection where the last one was completed', () => {
    expect(decideCallersFail(ended('reset', { keep: 'retries', hasCallers: true }), false)).toBe(false);
    expect(decideCallersFail(ended('reset', { keep: undefined, hasCallers: true }), false)).toBe(true);
    expect(decideCallersFail(ended('closed', { keep: undefined, hasCallers: true }), true)).toBe(false);
    expect(decideCallersFail(ended('closed', { isServing: false, hasCallers: true }), true)).toBe(true);
  });
});

describe('hub decisions: a second connection to one peer', () => {
  const meeting = (facts: Partial<MeetingFacts>): MeetingFacts => ({
    role: 'dialer',
    state: 'inProgress',
    isCompleted: false,
    hasReached: true,
    crossedForMs: undefined,
    rule: 'keep',
    newestStays: false,
    isInquiry: false,
    hasOpening: false,
    ...facts,
  });
  const completed = { state: 'completed', isCompleted: true } as const;

  test.each<[string, MeetingFacts, ReturnType<typeof decideMeeting>]>([
    ['the rule keeps an attempt', meeting({}), 'refuse'],
    ['a completed connection is probed as well', meeting(completed), 'probe-and-refuse'],
    ['a peer that has waited in vain comes in', meeting({ ...completed, crossedForMs: 1000 }), 'replace-connection'],
    ['and not a millisecond earlier', meeting({ ...completed, crossedForMs: 999 }), 'probe-and-refuse'],
    ['our dial has said nothing yet', meeting({ state: 'initiated', hasOpening: true }), 'take-over-attempt'],
    [
      'an inquiry replaces no completed connection',
      meeting({ ...completed, rule: 'replace', isInquiry: true }),
      'probe-and-refuse',
    ],
    ['the peer decides', meeting({ rule: 'wait' }), 'wait'],
    [
      'but not about a dial that it can’t know of',
      meeting({ rule: 'wait', state: 'initiated', hasReached: false }),
      'take-over-attempt',
    ],
    [
      'the rule replaces an accepted connection',
      meeting({ ...completed, role: 'acceptor', rule: 'replace' }),
      'replace-connection',
    ],
    ['the newest stays once it has spoken', meeting({ ...completed, rule: 'replace', newestStays: true }), 'await-first-bytes'],
    [
      'at once where ours came from the peer too',
      meeting({ ...completed, role: 'acceptor', rule: 'replace', newestStays: true }),
      'replace-connection',
    ],
  ])('%s', (_, facts, expected) => {
    expect(decideMeeting(facts, 1000)).toBe(expected);
  });
});
