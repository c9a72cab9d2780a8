import type { AnyEventObject } from 'xstate';
import { assert } from '../../../machines/errors.js';
import type { DialPermits, DialPermitRequest } from '../../../machines/dial-permits.js';
import { tunaLinkMachine, type LinkContext, type LinkInput } from '../../../machines/tuna/link.machine.js';
import type { AddressBook, AddressReply } from '../../../machines/tuna/tuna.addresses.js';
import type { TunaPump } from '../../../machines/tuna/ncp.machine.js';
import type { Model, PlayedWorld, Sample } from '../model.js';
import type { PlayedTime } from '../played.js';
import { sessionOver } from './session.js';
import { PlayedWires, tunaPump, type Role } from './tuna-parts.js';

interface About {
  readonly role: Role;
  /** It begins with a wire. */
  readonly hasWire: boolean;
  /** There is somebody to ask for addresses. */
  readonly hasBook: boolean;
}

/** One link below a session that only listens. */
class LinkWorld implements PlayedWorld {
  readonly input: LinkInput;
  readonly pump: TunaPump;
  readonly wires: PlayedWires;
  readonly told: string[] = [];
  request: DialPermitRequest | undefined;
  answer: ((reply: AddressReply) => void) | undefined;
  completed = 0;

  constructor(
    readonly time: PlayedTime,
    { role, hasWire, hasBook }: About,
  ) {
    this.wires = new PlayedWires(time);
    const addresses: AddressBook = (answer) => {
      this.answer = answer;
      return () => (this.answer = undefined);
    };
    const permits: DialPermits = (request) => {
      this.request = request;
      return () => (this.request = undefined);
    };
    this.pump = tunaPump(time, role, 1, { addresses: hasBook ? addresses : undefined });
    const session = sessionOver(this.pump, hasWire ? this.wires.opener : undefined, permits);
    this.input = { role, session, slot: 0, hasWire, isReserve: false, address: undefined };
  }

  hear({ type }: AnyEventObject): void {
    if (type.startsWith('link.')) this.told.push(type);
  }
}

const answers =
  (reply: AddressReply): Sample<LinkWorld> =>
  (world) =>
    world.answer?.(reply);

/** How often each piece of news may follow which. */
const FOLLOWS: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'link.opened': [undefined, 'link.ended'],
  'link.joined': ['link.opened'],
  'link.ended': [undefined, 'link.opened', 'link.joined', 'link.ended'], // Also of a dial that failed.
};

/** One connection of a Tuna session, from its dial to the next. */
export const tunaLinkModel: Model<LinkWorld> = {
  machine: tunaLinkMachine,
  worlds: {
    'a dialer with a wire': (time) => new LinkWorld(time, { role: 'dialer', hasWire: true, hasBook: false }),
    'a dialer that asks': (time) => new LinkWorld(time, { role: 'dialer', hasWire: false, hasBook: true }),
    'an acceptor': (time) => new LinkWorld(time, { role: 'acceptor', hasWire: true, hasBook: false }),
  },
  samples: {
    'the wire opens': (world) => world.wires.open(),
    'the wire breaks': (world) => world.wires.cut(),
    'the hub grants a dial': (world) => world.request?.permitted(world.wires.opener, () => world.completed++),
    'the hub gives up': (world) => world.request?.exhausted(),
    'the peer has an address': answers({ word: 'addresses', addresses: ['played:1'] }),
    'the peer has none': answers({ word: 'addresses', addresses: [] }),
    'no answer comes': answers({ word: 'no-answer' }),
    'the peer has closed the session': answers({ word: 'session-closed' }),
    'the listener has a wire': (world) => ({ type: 'wire.offered', opener: world.wires.opener, isReserve: false }),
    'the peer says a packet': { type: 'link.proven' },
    'the peer is silent': { type: 'link.silent' },
    'the peer talks nonsense': { type: 'link.corrupt' },
    'the listener has a wire, to be kept in reserve': (world) => ({
      type: 'wire.offered',
      opener: world.wires.opener,
      isReserve: world.input.role === 'acceptor',
    }),
    'a place is free': { type: 'link.called' },
    'the peer uses another one': { type: 'link.demoted' },
    'there are enough': { type: 'link.spare' },
    'there are too few': { type: 'link.needed' },
    'a rival comes': { type: 'rival.came' },
    'the rival is gone': { type: 'rival.gone' },
    'the rival has proven itself': { type: 'rival.proven' },
  },
  facts: ({ wires, request, answer, completed }, { context }) => [
    wires.state,
    request === undefined,
    answer === undefined,
    completed > 0,
    (context as LinkContext).isReserve,
  ],
  check: ({ told, wires, pump, request, answer }, snapshot) => {
    for (let i = 0; i < told.length; i++)
      assert(FOLLOWS[told[i]!]!.includes(told[i - 1]), `${told[i]} doesn't follow ${told[i - 1]}`);
    const isWired = snapshot.matches('wired');
    assert(isWired || !pump.attached(0), 'a link that is not wired has no wire');
    assert(isWired || wires.state === 'none', 'and nobody dials for it');
    assert(snapshot.hasTag('joined') === (told.at(-1) === 'link.joined'), 'joined and ended are told as they happen');
    assert((request !== undefined) === snapshot.matches('resting'), 'a dial is asked for while it is wanted, and no longer');
    assert(answer === undefined || snapshot.matches('resolving'), 'and so are addresses');
  },
};
