import type { Engine } from '../../machines/engine.js';
import { record } from '../recording/index.js';
import { LiveFeed } from './live-feed.js';
import { serveFeed, type LiveServer, type ServeOptions } from './serve.js';

export type { Feed } from './page-server.js';
export { LiveFeed } from './live-feed.js';
export { serveFeed, type LiveServer, type ServeOptions } from './serve.js';

/**
 * Shows a running engine in a browser, from now on: its sessions, their charts, what happened and why, at any moment so far. Only for this
 * machine, and only for users that have the address: it listens on loopback, under a path that can't be guessed, and accepts no
 * commands. `close` ends the page and the recording, and not the engine. Rejects if the port is not available.
 */
export async function serveLive(engine: Engine, options: ServeOptions = {}): Promise<LiveServer> {
  const feed = new LiveFeed();
  const server = await serveFeed(feed, options, 'serveLive');
  const recorder = record(engine, feed);
  return { url: server.url, close: () => (recorder.stop(), server.close()) };
}

/** Shows a recording in a browser; `lines` are its lines of JSON. Otherwise like `serveLive`. */
export async function serveRecording(lines: readonly string[], options: ServeOptions = {}): Promise<LiveServer> {
  return serveFeed({ lines: () => lines }, options, 'serveRecording');
}
