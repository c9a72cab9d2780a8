import type { RecordingSink } from '../../visualizer/recording/turn.js';
import { onInterrupt } from './interrupt.js';
import { Output } from './output.js';

/** The engines of this process, shown in a browser. */
export interface Inspector {
  /** Takes their recording. */
  readonly feed: RecordingSink;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Command lines of the demo without a mistake, by what can be seen before anything is loaded. The address of others, which name files or
 * may be wrong, is printed when the command has read its options.
 */
const SURELY_RIGHT =
  /^demo( --inspect([ =]\d{1,4})?| --json| --size[ =]\d{1,6}([KMG]i?B)?| --(cuts|seed|seconds)[ =]\d{1,4}| --protocol[ =]tuna| --links[ =][1-9])*$/;

/**
 * The inspector of a demo that asks for one, opened before the command itself is loaded: its address is printed at once, and
 * the page is there however soon it is opened. Undefined where none is asked for, and where it can't be had: the command says why.
 */
export async function inspectorAhead(words: readonly string[]): Promise<Inspector | undefined> {
  const line = words.join(' ');
  if (!SURELY_RIGHT.test(line) || !line.includes(' --inspect')) return undefined;
  const port = [...line.matchAll(/ --inspect(?:[ =](\d+))?/g)].at(-1)?.[1]; // The last one counts, as for the command.
  const inspector = await openInspector(Number(port ?? 0)).catch(() => undefined);
  if (inspector === undefined) return undefined;
  onInterrupt(() => inspector.close()); // Until the command has something of its own to end.
  announce(inspector, new Output(words.includes('--json'), true));
  return inspector;
}

/** Opens the inspector on this machine. Port 0 lets the system choose. Rejects with `Failed` where the port is taken. */
export async function openInspector(port: number): Promise<Inspector> {
  // Loaded only where a page is asked for; the charts and their pictures only when it is opened.
  const [{ LiveFeed }, { serveFeed }] = await Promise.all([
    import('../../visualizer/server/live-feed.js'),
    import('../../visualizer/server/serve.js'),
  ]);
  const feed = new LiveFeed();
  try {
    const { url, close } = await serveFeed(feed, { port });
    return { url, close, feed };
  } catch (error) {
    const { Failed } = await import('./failures.js');
    throw new Failed(`--inspect: ${(error as Error).message}`);
  }
}

export function announce({ url }: Inspector, output: Output): void {
  output.say(`Inspector: ${url}`);
  output.say('');
  output.tell({ event: 'inspect', url });
}

/** Resolves when standard input ends. A terminal's is not read: a command in the background would be stopped for it. */
export function inputEnded(): Promise<void> {
  const { stdin } = process;
  if (stdin.isTTY) return new Promise(() => {});
  return new Promise((resolve) => {
    stdin.once('end', resolve).once('close', resolve).once('error', resolve);
    stdin.resume();
  });
}
