/** The peer's answer to a question for its addresses. */
export type AddressReply =
  | { readonly word: 'addresses'; readonly addresses: readonly (string | undefined)[] } // By link; undefined: not at the moment.
  | { readonly word: 'session-closed' }
  | { readonly word: 'no-answer' };

/** Asks the peer for its addresses of the moment (`spec/rules/tuna.md`, TUNA-5). The result stops asking. */
export type AddressBook = (answer: (reply: AddressReply) => void) => () => void;
