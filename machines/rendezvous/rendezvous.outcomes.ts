/**
 * What can become of a letter, a Hello, a wire or a wish to meet: one closed list, each counted, nothing thrown.
 * @rule RDV-10
 */
export const OUTCOMES = {
  // Letters.
  asked: 'A request was sent.',
  stored: 'A request was wanted: an expectation is stored, and the response sent.',
  answered: 'A response to a request of ours came: an expectation is stored.',
  relayed: 'A letter was handed on to whom it is for.',
  malformed: 'It is not spelled as this version spells it.',
  forged: 'Whoever it names has not signed it.',
  misdirected: 'It is for somebody else, or from this very node.',
  repeated: 'The same peer asked within the last 20 s.',
  replayed: 'This very letter, or this very nonce, has been used.',
  'not-asked': 'A response to a request that was never made.',
  unwanted: 'The application, or a limit, says no.',
  banned: 'The peer is kept out for a time.',
  'rate-limited': 'Too many letters came from there.',
  unroutable: 'There is no way to whom it is for.',
  // Hellos.
  expected: 'The Hello shows the identity and the nonce of an expectation.',
  newcomer: 'The Hello shows no nonce: somebody who bootstraps.',
  unexpected: 'The Hello shows a nonce that nobody was given.',
  late: 'The expectation, or the request, has lapsed.',
  'identity-mismatch': 'It is not whom it should be, or not who shows that certificate.',
  'address-mismatch': 'The address is not one that was announced.',
  'claim-dropped': 'The address is that of another connected peer, or this node’s own: the peer is let in without it.',
  refused: 'The other side has refused this node’s Hello.',
  crossed: 'The peer is connected already, or its dial and this one have crossed: this wire was refused.',
  'duplicate-key': 'Another process shows this node’s own key.',
  'version-unsupported': 'There is no version that both sides speak.',
  silent: 'A wire was opened, and no Hello came.',
  // Ends of a wish.
  met: 'The peer is connected.',
  expired: 'The time of the expectation is over.',
  displaced: 'The table was full, and this was the oldest.',
  unanswered: 'No response came in time.',
  unreachable: 'Neither side could reach the other in time.',
  reset: 'The last connection was lost, and everything expected with it.',
  terminated: 'This node has ended.',
} as const satisfies Record<string, string>;

/** One of the words that say what became of something. */
export type Outcome = keyof typeof OUTCOMES;

/** How often each has happened. */
export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>>;
