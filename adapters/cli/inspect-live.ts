import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { HeaderLine, RecordingLine } from '../../visualizer/recording/format.js';
import { Failed, Misuse, onInterrupt, type Output } from './cli-output.js';

interface FollowOptions {
  readonly session?: string;
  readonly since?: number;
}

/** Tells what a running engine does, from the page that its `--inspect` serves, until it ends or this command is interrupted. */
export async function followPage(url: string, { session, since }: FollowOptions, output: Output): Promise<void> {
  const { Story } = await import('../../visualizer/recording/story.js');
  const stream = await opened(addressOf(url));
  onInterrupt(
    () => Promise.resolve(void stream.destroy()),
    () => 0,
  );
  let story: InstanceType<typeof Story> | undefined;
  let told = 0;
  try {
    for await (const field of createInterface({ input: stream, crlfDelay: Infinity })) {
      if (field === 'event: end') break;
      if (!field.startsWith('data: ')) continue;
      const line = JSON.parse(field.slice('data: '.length)) as RecordingLine;
      if (line.type === 'header') story = new Story(line satisfies HeaderLine, { session, sinceMs: since });
      const next = story?.tell(line);
      if (next === undefined) continue;
      told++;
      output.tell(next.line);
      output.say(next.text);
    }
  } catch (error) {
    throw new Failed(`the engine's page is gone: ${(error as Error).message}`, 'Its process has ended without a goodbye.', {
      cause: error,
    });
  } finally {
    stream.destroy();
  }
  output.tell({ told });
}

function addressOf(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' && /^\/[0-9a-f]{32}\/?$/.test(url.pathname))
    return new URL(`${url.origin}${url.pathname.replace(/\/?$/, '/')}stream`);
  throw new Misuse(`${text}: expected the URL that --inspect prints, such as http://127.0.0.1:40123/…/`);
}

async function opened(url: URL): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => get(url, resolve).once('error', reject)).catch(
    (error: Error) => {
      throw new Failed(`${url.origin}: ${error.message}`, 'Expected a running command with --inspect.', { cause: error });
    },
  );
  if (response.statusCode === 200) return response;
  response.destroy();
  const why =
    response.statusCode === 503 ? 'it has as many viewers as it allows' : 'the address is not (or no longer) that of its page';
  throw new Failed(`${url.origin}: answers ${response.statusCode ?? 0}: ${why}`);
}
