import { SessionError } from '../../machines/errors.js';

const SHAPE = /^sim:\/\/([^\s:/?#@]{1,100}|\*):([0-9]{1,5})\/?$/;

/** Reads `sim://host:port`. @throws SessionError `bad-address` */
export function hostAndPortOf(address: string, portMin: 0 | 1): [host: string, port: number] {
  const [, host, digits] = SHAPE.exec(address) ?? [];
  const port = Number(digits);
  if (host !== undefined && port >= portMin && port <= 65535) return [host, port];
  throw new SessionError('bad-address', `bad address ${JSON.stringify(address)}: expected sim://host:port`);
}
