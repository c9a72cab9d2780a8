const TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 };

export interface DnsQuestion {
  readonly name: string;
  /** The labels of the name, if one of them contains a dot. Default: the parts between the dots. */
  readonly labels?: readonly string[];
  readonly type: keyof typeof TYPES;
}

const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** A packet of this size fits into one Ethernet frame, so that no packet is fragmented (RFC 6762, 17). */
const PACKET_BYTES_MAX = 1400;
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;

/**
 * Queries (RFC 1035, 4.1), in as many packets as they need. They are encoded here because `dns-packet` splits every name at its
 * dots, and the name of an instance may contain some: `EVSE 2.0` is one label (RFC 6763, 4.3). A name that is too long for DNS
 * is left out.
 */
export function questionPackets(questions: readonly DnsQuestion[]): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let parts: Buffer[] = [];
  let bytes = HEADER_BYTES;
  const finish = (): void => {
    if (parts.length > 0) packets.push(packetOf(parts));
    parts = [];
    bytes = HEADER_BYTES;
  };
  for (const each of questions) {
    const part = questionOf(each);
    if (part === undefined) continue;
    if (bytes + part.length > PACKET_BYTES_MAX) finish();
    parts.push(part);
    bytes += part.length;
  }
  finish();
  return packets;
}

function packetOf(questions: readonly Buffer[]): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES); // Id and flags are 0 in multicast DNS (RFC 6762, 18).
  header.writeUInt16BE(questions.length, 4);
  return Buffer.concat([header, ...questions]);
}

function questionOf({ name, labels = name.split('.'), type }: DnsQuestion): Buffer | undefined {
  const encoded = labels.filter((each) => each !== '').map((each) => Buffer.from(each));
  if (encoded.some(({ length }) => length > LABEL_BYTES_MAX)) return undefined;
  const tail = Buffer.alloc(5); // The root label, the type, the class.
  tail.writeUInt16BE(TYPES[type], 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  const question = Buffer.concat([...encoded.flatMap((each) => [Buffer.from([each.length]), each]), tail]);
  return question.length - 4 > NAME_BYTES_MAX ? undefined : question;
}
