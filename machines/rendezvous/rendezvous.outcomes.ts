/**
 * The outcomes of a letter, a Hello, a wire or a `meet`: one closed list, each counted, nothing thrown.
 * @rule RDV-10
 */
export const OUTCOMES = {
  // Letters.
  asked: 'A request was sent.',
  stored: 'A request was wanted: an expectation is stored, and the response sent.',
  answered: 'A response to a request of ours came: an expectation is stored.',
  relayed: 'A letter was forwarded to its receiver.',
  malformed: 'It is not encoded as this version encodes it.',
  forged: 'The sender that it names has not signed it.',
  misdirected: 'It is for another node, or from this very node.',
  repeated: 'The same peer asked within the last 20 s.',
  replayed: 'This very letter, or another with its nonce, was accepted before; or a Hello was signed for another wire.',
  'not-asked': 'A response to a request that was never made.',
  unwanted: 'The application, or a limit, refused it.',
  banned: 'The peer is kept out for a time.',
  'rate-limited': 'Too many letters came from there.',
  unroutable: 'There is no route to its receiver.',
  // Hellos.
  expected: 'The Hello shows the identity and the nonce of an expectation.',
  newcomer: 'The Hello shows no nonce: the peer bootstraps.',
  unexpected: 'The Hello shows a nonce that this node never issued.',
  late: 'The expectation, or the request, has lapsed or has served.',
  'identity-mismatch': 'The peer is not the expected one, or its certificate is another one.',
  'address-mismatch': 'The address is not one that was announced.',
  'claim-dropped': 'The address is that of another connected peer, or this node’s own: the peer is let in without it.',
  refused: 'The other side has refused this node’s Hello.',
  crossed: 'The peer is connected already, or its dial and this one have crossed: this wire was refused.',
  'duplicate-key': 'Another process shows this node’s own key.',
  'version-unsupported': 'There is no version that both sides speak.',
  silent: 'A wire was opened, and no Hello came.',
  // Results of `meet`.
  met: 'The peer is connected.',
  expired: 'The time of the expectation is over.',
  displaced: 'The table was full, and this was the oldest.',
  unanswered: 'No response came in time.',
  unreachable: 'Neither side could reach the other in time.',
  reset: 'The last connection was lost, and everything expected with it.',
  terminated: 'This node has ended.',
} as const satisfies Record<string, string>;

/** One of the outcomes above. */
export type Outcome = keyof typeof OUTCOMES;

/** The number of times that each outcome has happened. */
export type OutcomeCounts = Readonly<Partial<Record<Outcome, number>>>;
