import { checkOptionNames } from '../../machines/arguments.js';
import type { Charts } from '../draw.js';
import { PageServer, type Feed } from './page-server.js';

/** Where the inspector is served, and what it draws. */
export interface ServeOptions {
  /** On 127.0.0.1. Default 0: the system chooses. */
  readonly port?: number;
  /** Browsers that may be connected at once; more get 503. Default 16. */
  readonly viewersMax?: number;
  /** Charts besides those of this package. They are drawn if the package `elkjs` is installed, and are lists of states otherwise. */
  readonly charts?: Charts;
}

/** A running inspector. */
export interface LiveServer {
  /** Open it in a browser of this machine. It contains a secret. */
  readonly url: string;
  /** Resolves when the port is free; pages keep what they have seen. Safe to call twice. */
  close(): Promise<void>;
}

/** Shows any source of lines. The page and the charts are loaded at the first request: the address has to be available at once. */
export async function serveFeed(feed: Feed, options: ServeOptions = {}, caller = 'serveFeed'): Promise<LiveServer> {
  checkOptionNames(caller, options, 'port', 'viewersMax', 'charts');
  const { port = 0, viewersMax = 16, charts = {} } = options;
  const server = new PageServer({
    feed,
    viewersMax,
    page: async (nonce) => (await import('./page.js')).pageOf(nonce),
    facts: async () => {
      const [{ factsOf }, { chartsOf }, house] = await Promise.all([
        import('./facts.js'),
        import('../draw.js'),
        import('../../machines/index.js'),
      ]);
      return factsOf({ ...chartsOf(house), ...charts });
    },
  });
  await server.listen(port);
  return { url: server.url, close: () => server.close() };
}
