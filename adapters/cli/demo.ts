import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { createEngine, type Connection, type Engine } from '../index.js';
import { resume } from '../resume/index.js';
import { tcp } from '../../transports/tcp.js';
import { Cutter } from './cutter.js';
import { bytesOf, Misuse, onInterrupt, Output, progressBar, wholeOf } from './shared.js';

interface DemoOptions {
  readonly size: number;
  readonly file?: string;
  readonly cuts: number;
  readonly seed: number;
  readonly json?: boolean;
}

const CHUNK_BYTES = 32 << 10;
const NUMBER_BYTES = 8;

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('the main job on this machine alone: a stream through a session whose link is cut again and again')
    .option('--size <bytes>', 'how much to send', bytesOf, 64 << 20)
    .option('--file <path>', 'send this file instead of made-up bytes')
    .option('--cuts <n>', 'how often to cut the link', wholeOf(0), 50)
    .option('--seed <n>', 'where to cut, and what to make up', wholeOf(0), 1)
    .option('--json', 'print machine-readable lines, the summary last')
    .action(async (options: DemoOptions) => {
      process.exitCode = await demo(options, new Output(options.json ?? false));
    });
}

/** Sends, cuts, counts. The exit code: 0 when every byte arrived once and in order, both ways. */
export async function demo(options: DemoOptions, output: Output): Promise<number> {
  const size = options.file === undefined ? options.size : await sizeOf(options.file);
  const transports = [tcp()];
  const server = createEngine({ transports, protocols: [resume()], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({
    transports,
    protocols: [resume({ redial: { kind: 'exponential', baseMs: 20, capMs: 500, immediateIfLivedMs: 0 } })],
  });
  await Promise.all([server.start(), client.start()]);
  const cutter = new Cutter(Number(new URL(server.addresses[0]!.replace('tcp:', 'http:')).port));
  const port = await cutter.listen();
  const stopListening = onInterrupt(() => Promise.all([client.shutdown(), server.shutdown()]));
  output.say(`A listener at ${server.addresses[0]!}, a dialer, and between them a proxy that cuts.`);

  const receiver = receive(server, size);
  const connection = await client.connect(`tcp://127.0.0.1:${port}`);
  const receipts = new Numbered();
  connection.onMessage = (message) => receipts.hear(message);
  const resumes = resumesOf(client);
  output.say(`Connected (${connection.state}). Sending ${mib(size)} MiB; the link will be cut ${options.cuts} times.`);

  const memory = new Memory();
  const began = performance.now();
  const hash = createHash('sha256');
  const cuts = new CutPlan(size, options.cuts, options.seed);
  const bar = await progressBar(output, Math.round(size / 2 ** 20), 'MiB');
  let sent = 0;
  let number = 0;
  let made = 0;
  for await (const chunk of options.file === undefined
    ? invented(size, options.seed)
    : createReadStream(options.file, { highWaterMark: CHUNK_BYTES })) {
    hash.update(chunk as Uint8Array);
    const message = numbered(number++, chunk as Uint8Array);
    if (!connection.write(message)) await connection.drained();
    sent += (chunk as Uint8Array).length;
    while (cuts.isDue(sent)) {
      // A cut counts when there was a link to cut: wait for the session to have one again.
      await resumes.flowing();
      cutter.cut();
      made++;
      await resumes.lost();
    }
    bar.update(Math.round(sent / 2 ** 20));
    memory.look();
  }
  const closing = await connection.close();
  const got = await receiver;
  const seconds = Math.round(performance.now() - began) / 1000;
  bar.stop();
  await Promise.all([client.shutdown(), server.shutdown()]);
  await cutter.close();
  stopListening();

  const sha256Sent = hash.digest('hex');
  const lost = number - got.numbers.distinct + (got.receiptsSent - receipts.distinct);
  const duplicated = got.numbers.duplicated + receipts.duplicated;
  const summary = {
    bytes: sent,
    sha256Sent,
    sha256Received: got.sha256,
    links: 1,
    cuts: made,
    resumes: resumes.times.length,
    lost,
    duplicated,
    outOfOrder: got.numbers.outOfOrder + receipts.outOfOrder,
    seconds,
    resumeMsP50: percentile(resumes.times, 50),
    resumeMsP99: percentile(resumes.times, 99),
    rssGrowthMiB: memory.growthMiB,
  };
  const isGood =
    sha256Sent === got.sha256 && lost === 0 && duplicated === 0 && summary.outOfOrder === 0 && closing.code === 'closed';
  output.tell(summary);
  output.say(
    `${isGood ? 'Everything arrived once and in order' : 'NOT everything arrived once and in order'}: ${mib(sent)} MiB in ${seconds} s, ${made} cuts, ${resumes.times.length} resumes ` +
      `(half of them within ${summary.resumeMsP50} ms), lost ${lost}, doubled ${duplicated}.\nsent     ${sha256Sent}\nreceived ${got.sha256}\nMemory grew by ${memory.growthMiB} MiB.`,
  );
  return isGood ? 0 : 1;
}

/** Counts numbered messages: each number once, in order. */
class Numbered {
  distinct = 0;
  duplicated = 0;
  outOfOrder = 0;
  #next = 0;

  hear(message: Uint8Array): void {
    const number = Number(new DataView(message.buffer, message.byteOffset).getBigUint64(0));
    if (number === this.#next) this.distinct++;
    else if (number < this.#next) return void this.duplicated++;
    else {
      this.outOfOrder++;
      this.distinct++;
    }
    this.#next = number + 1;
  }
}

interface Received {
  readonly sha256: string;
  readonly numbers: Numbered;
  readonly receiptsSent: number;
}

/** The far side: hashes and counts, and sends a numbered receipt back for every 16th message. */
async function receive(server: Engine, size: number): Promise<Received> {
  const hash: Hash = createHash('sha256');
  const numbers = new Numbered();
  let receiptsSent = 0;
  let received = 0;
  for await (const connection of server.incoming) {
    connection.onMessage = (message) => {
      numbers.hear(message);
      hash.update(message.subarray(NUMBER_BYTES));
      received += message.length - NUMBER_BYTES;
      if (numbers.distinct % 16 === 0) answer(connection, receiptsSent++);
    };
    await connection.closed;
    break;
  }
  if (received !== size) numbers.outOfOrder++;
  return { sha256: hash.digest('hex'), numbers, receiptsSent };
}

function answer(connection: Connection, number: number): void {
  connection.write(numbered(number, new Uint8Array(0)));
}

/** Notes how long each loss lasted, and lets the sender wait for the next one. */
function resumesOf(engine: Engine): { times: number[]; flowing(): Promise<void>; lost(): Promise<void> } {
  const times: number[] = [];
  let isLost = false;
  let waiting: (() => void)[] = [];
  engine.on((event) => {
    if (event.type !== 'lost' && event.type !== 'resumed') return;
    isLost = event.type === 'lost';
    if (event.type === 'resumed') times.push(event.afterMs);
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (lost: boolean): Promise<void> => {
    while (isLost !== lost) await new Promise<void>((resolve) => waiting.push(resolve));
    waiting = [];
  };
  return { times, flowing: () => until(false), lost: () => until(true) };
}

/** Where the cuts fall: spread over the bytes, shifted by chance. */
class CutPlan {
  #at: number[] = [];

  constructor(size: number, count: number, seed: number) {
    const random = chance(seed);
    for (let i = 0; i < count; i++) this.#at.push(Math.floor((size * (i + 0.1 + 0.8 * random())) / count));
  }

  isDue(sent: number): boolean {
    if (this.#at.length === 0 || sent < this.#at[0]!) return false;
    this.#at.shift();
    return true;
  }
}

/** How much the resident memory grew since the first look after a warm-up. */
class Memory {
  #start = process.memoryUsage.rss();
  #peak = this.#start;
  #looks = 0;

  look(): void {
    if (++this.#looks % 64 === 0) this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }
  get growthMiB(): number {
    return Math.round((this.#peak - this.#start) / 2 ** 20);
  }
}

function numbered(number: number, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(NUMBER_BYTES + payload.length);
  new DataView(message.buffer).setBigUint64(0, BigInt(number));
  message.set(payload, NUMBER_BYTES);
  return message;
}

/** Made-up bytes, never more of them at once than one chunk. */
function* invented(size: number, seed: number): Generator<Uint8Array> {
  const random = chance(seed ^ 0x5bd1e995);
  const words = new Uint32Array(CHUNK_BYTES / 4);
  for (let left = size; left > 0; left -= CHUNK_BYTES) {
    for (let i = 0; i < words.length; i += 64) words[i] = random() * 2 ** 32;
    yield new Uint8Array(words.buffer, 0, Math.min(left, CHUNK_BYTES));
  }
}

/** Repeatable chance (mulberry32). */
function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((error: Error) => {
    throw new Misuse(`--file: ${error.message}`);
  });
  if (!found.isFile()) throw new Misuse(`--file: ${file} is not a file`);
  return found.size;
}

function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)]! * 10) / 10;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 2 : 0);
