/**
 * Whether a host is this machine: `localhost`, 127.0.0.0/8, `::1`, and IPv4 loopback inside IPv6, in every spelling of these addresses,
 * with or without brackets. It decides which listeners may do without proven identities, so a name that a resolver could lead
 * elsewhere (`127.0.0.1.example`, `app.localhost`, `127.300.0.1`) is not this machine.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost') return true;
  if (!bare.includes(':')) return isLoopbackIPv4(bare);
  const groups = groupsOf(bare);
  if (groups === undefined || groups.slice(0, 5).some((group) => group !== 0)) return false;
  const [, , , , , mark, high, low] = groups;
  return mark === 0xffff ? high! >>> 8 === 127 : mark === 0 && high === 0 && low === 1;
}

/** The same for an address to listen at, such as `tcp://127.0.0.1:7000`. False for anything but a plain `scheme://host:port/path`. */
export function isLoopbackAddress(address: string): boolean {
  const [, host] = /^[a-z][a-z0-9+.-]*:\/\/(\[[^\]\s]*\]|[^:/?#@[\]\s]+)(?::\d{1,5})?(?:[/?#][^\s@]*)?$/i.exec(address) ?? [];
  return host !== undefined && isLoopbackHost(host);
}

function isLoopbackIPv4(text: string): boolean {
  const parts = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return parts?.slice(1).every((part) => Number(part) <= 255) === true;
}

/** The eight groups of an IPv6 address; undefined for what is none. A zone (`%lo`) is left out. */
function groupsOf(text: string): number[] | undefined {
  const dotted = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text.replace(/%.*$/, ''));
  const bytes = dotted?.slice(2).map(Number) ?? [];
  if (bytes.some((byte) => byte > 255)) return undefined;
  const tail = (at: number): string => ((bytes[at]! << 8) | bytes[at + 1]!).toString(16);
  const plain = dotted === null ? text.replace(/%.*$/, '') : `${dotted[1]}${tail(0)}:${tail(2)}`;
  const halves = plain.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const given = halves.flat();
  if (halves.length > 2 || given.some((group) => !/^[0-9a-f]{1,4}$/.test(group))) return undefined;
  if (halves.length === 1 ? given.length !== 8 : given.length > 7) return undefined;
  const zeros = new Array<string>(8 - given.length).fill('0');
  return [...halves[0]!, ...zeros, ...(halves[1] ?? [])].map((group) => Number.parseInt(group, 16));
}
