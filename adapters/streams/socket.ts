import type { Socket } from 'node:net';

/** The two ends of a TCP socket, whole or cut off: neither may be taken for the other. */

const NOTHING = new Uint8Array(0);

/** Says the end behind all that was written. Until that is out the socket can still be reset: a cut answer must not look whole. */
export function endAfterAll(socket: Socket): void {
  socket.write(NOTHING, (error) => {
    if (error == null) socket.end();
  });
}

/**
 * Calls `ended` once the peer has said its end. libuv reports a reset that finds unread bytes as an end (its reader sees the
 * hang-up behind the last bytes, and does not ask why); a write of nothing brings the reset to light as the socket's `error`.
 * Only where this side has said its own end already, nothing can be asked any more, and the end is believed.
 */
export function onProvenEnd(socket: Socket, ended: () => void): void {
  socket.once('end', () => {
    if (socket.writableEnded) return ended();
    socket.write(NOTHING, (error) => {
      if (error == null) ended();
    });
  });
}

/**
 * Ends it now, with a RST. Where its end is being said already there is nothing left to lose, and libuv refuses to reset
 * (`EINVAL`); Node would then lose sight of the socket, which would never close.
 */
export function cutOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
