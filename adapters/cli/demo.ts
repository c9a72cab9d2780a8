import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { SessionError } from '../../machines/errors.js';
import {
  chance,
  CutPlan,
  CHUNK_BYTES,
  fileSource,
  inventedSource,
  NUMBER_BYTES,
  numbered,
  numberOf,
  percentile,
  putNumber,
  Tally,
  type Source,
} from './demo-load.js';
import { Stage } from './demo-stage.js';
import { announce, inputEnded, openInspector, type Inspector } from './inspector.js';
import { chosen, withLinksOptions, type LinksOptions } from './links.js';
import { bytesOf, Failed, failedBy, onInterrupt, Output, wholeOf, type Bar } from './cli-output.js';

export interface DemoOptions extends LinksOptions {
  readonly size: number;
  readonly file?: string;
  readonly cuts: number;
  readonly seed: number;
  /** Follows the engines. */
  readonly inspect?: Inspector['inspect'];
}

interface DemoCommandOptions extends Omit<DemoOptions, 'inspect'> {
  /** A port, or any: where the charts are shown. */
  readonly inspect?: number | true;
  readonly json?: boolean;
}

/** The last line of `--json`. */
export interface DemoSummary {
  readonly bytes: number;
  readonly sha256Sent: string;
  readonly sha256Received: string;
  readonly protocol: string;
  readonly links: number;
  /** A cut takes one link, one of ten takes all; it is mended when all are there again. */
  readonly cuts: number;
  readonly linksCut: number;
  readonly resumes: number;
  /** Messages of both directions. */
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  readonly seconds: number;
  readonly resumeMsP50: number;
  readonly resumeMsP99: number;
  readonly rssGrowthMiB: number;
}

/** `inspector` is the one that was opened ahead. */
export function demoCommand(program: Command, inspector?: Inspector): void {
  const command = program
    .command('demo')
    .description('the main job on this machine alone: a file through a session whose links are cut again and again')
    .option('--size <bytes>', 'how much to send', bytesOf, 64 << 20)
    .option('--file <path>', 'send this file instead of made-up bytes')
    .option('--cuts <n>', 'how often to cut a link, now and then all of them', wholeOf(0, 100_000), 50)
    .option('--seed <n>', 'where to cut, and what to make up', wholeOf(0), 1)
    .option(
      '--inspect [port]',
      'show the charts in a browser; the page stays until Ctrl-C, or the end of standard input',
      wholeOf(0, 65_535),
    )
    .option('--json', 'print machine-readable lines, the summary last');
  withLinksOptions(command, 'dial', '4, or 1 with resume').action(async ({ inspect, ...options }: DemoCommandOptions) => {
    const output = new Output(options.json ?? false, true);
    const page = inspector ?? (await ownInspector(inspect, output));
    try {
      const { isGood } = await demo({ ...options, ...(page && { inspect: page.inspect }) }, output);
      if (!isGood) process.exitCode = 1;
      if (page !== undefined && !output.isJson) await keep(page, output, isGood);
    } finally {
      await page?.close();
    }
  });
}

async function ownInspector(inspect: DemoCommandOptions['inspect'], output: Output): Promise<Inspector | undefined> {
  if (inspect === undefined) return undefined;
  const inspector = await openInspector(inspect === true ? 0 : inspect);
  announce(inspector, output);
  return inspector;
}

/** Where the charts have come to may be looked at for as long as one likes. */
async function keep(page: Inspector, output: Output, isGood: boolean): Promise<void> {
  const stopListening = onInterrupt(
    () => page.close(),
    () => (isGood ? 0 : 1),
  );
  output.say('');
  output.say(`The page stays until Ctrl-C: ${page.url}`);
  await inputEnded();
  stopListening();
}

/** A receipt goes back for so many messages, that is half a mebibyte. */
const RECEIPT_EVERY = 16;
/** Silence in both directions after which the demo gives up: a window is 60 s, but this network is one machine. */
const STALL_MS = 30_000;

/**
 * V8 doubles its nursery under load, up to 48 MiB, which has nothing to do with what sessions hold: measured with 1 GiB over four
 * links, memory grows by some 20 MiB less and the demo is as fast.
 */
const NURSERY = '--semi-space-growth-factor=1';

/** Sends, cuts, counts. Good when every byte and every message arrived once and in order, both ways. */
export async function demo(options: DemoOptions, output: Output): Promise<{ isGood: boolean; summary: DemoSummary }> {
  setFlagsFromString(NURSERY);
  const session = chosen({ ...options, links: options.links ?? (options.protocol === 'resume' ? 1 : 4) });
  const source = options.file === undefined ? inventedSource(options.size, options.seed) : await fileSource(options.file);
  const { inspect } = options;
  const stage = await Stage.open({ ...session, ...(inspect && { inspect }), random: chance(options.seed) });
  const stopListening = onInterrupt(() => stage.close());
  const run = new Run(options, source, stage, output);
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    let last = -1;
    timer = setInterval(() => {
      if (run.heard === last)
        reject(new Failed(`Nothing has arrived for ${STALL_MS / 1000} s, after cut ${stage.cuts} (seed ${options.seed}).`));
      last = run.heard;
    }, STALL_MS);
  });
  try {
    return await Promise.race([run.run(), stalled]);
  } finally {
    clearInterval(timer);
    await stage.close();
    await source.close();
    stopListening();
  }
}

/** One transfer and its bookkeeping. */
class Run {
  readonly #sent = createHash('sha256');
  readonly #received = createHash('sha256');
  readonly #there = new Tally();
  readonly #back = new Tally();
  readonly #cuts: CutPlan;
  #numbersSent = 0;
  #receiptsSent = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #bar: Bar | undefined;
  /** Settles when the far side's last receipt is acknowledged. */
  #answered: Promise<void> | undefined;

  constructor(
    readonly options: DemoOptions,
    readonly source: Source,
    readonly stage: Stage,
    readonly output: Output,
  ) {
    this.#cuts = new CutPlan(source.size, options.cuts, options.seed);
  }

  /** Messages that have arrived, in both directions. */
  get heard(): number {
    return this.#there.heard + this.#back.heard;
  }

  async run(): Promise<{ isGood: boolean; summary: DemoSummary }> {
    const { source, stage, output, options } = this;
    const on = stage.links === 1 ? 'one session between them' : `one session of ${stage.links} links between them`;
    output.say(`Two engines in this process, ${on}, and in the middle a proxy that cuts.`);
    const which = stage.links === 1 ? '' : ' of one link or of all';
    output.say(
      `${mib(source.size)} of ${source.name} go through it; ${options.cuts} cuts${which}, each loses what was on its way.`,
    );
    this.#bar = await output.progress(Math.round(source.size / 2 ** 20), 'MiB');
    stage.far.onMessage = (message) => this.#hearMessage(message);
    stage.near.onMessage = (message) => this.#back.hear(numberOf(message));
    stage.onResumed = (afterMs) => this.#tellResumed(afterMs);
    const memory = new Memory();
    const began = performance.now();

    await this.#sendAll(memory);
    await this.#answered;
    while (this.#cuts.left > 0) await this.#cutAtRest();
    await stage.mended();
    const closing = await stage.near.close();

    const seconds = Math.round(performance.now() - began) / 1000;
    this.#bar.stop();
    if (closing.code !== 'closed') throw failedBy(closing);
    const summary = this.#summary(seconds, memory.growthMiB);
    const { sha256Sent, sha256Received, lost, duplicated, outOfOrder } = summary;
    const isGood = sha256Sent === sha256Received && lost + duplicated + outOfOrder === 0;
    this.#tellSummary(summary, isGood);
    return { isGood, summary };
  }

  /** Resolves when the far side has acknowledged everything. */
  async #sendAll(memory: Memory): Promise<void> {
    const { near } = this.stage;
    const message = new Uint8Array(NUMBER_BYTES + CHUNK_BYTES); // Ours again whenever `write` has returned.
    for (;;) {
      putNumber(message, this.#numbersSent);
      const bytes = await this.source.read(message.subarray(NUMBER_BYTES));
      if (bytes === 0) break;
      if (this.#cuts.isDue(this.#bytesSent)) await this.stage.mended(); // Cuts shall fall into the stream, not behind it.
      this.#sent.update(message.subarray(NUMBER_BYTES, NUMBER_BYTES + bytes));
      this.#bytesSent += bytes;
      this.#numbersSent++;
      if (!near.write(message.subarray(0, NUMBER_BYTES + bytes))) await near.drained();
      memory.look();
    }
    // An empty chunk says that this was all; when it is acknowledged, all before it is.
    await near.send(numbered(this.#numbersSent++));
  }

  #hearMessage(message: Uint8Array): void {
    const { far } = this.stage;
    this.#there.hear(numberOf(message));
    this.#received.update(message.subarray(NUMBER_BYTES));
    this.#bytesReceived += message.length - NUMBER_BYTES;
    this.#bar?.update(Math.round(this.#bytesReceived / 2 ** 20));
    if (message.length === NUMBER_BYTES) {
      this.#answered = far.send(numbered(this.#receiptsSent++));
      this.#answered.catch(() => {}); // Whoever awaits it is told; if the session ends first, nobody does.
    } else if (this.#there.heard % RECEIPT_EVERY === 0) this.#sendReceipt();
    if (this.#cuts.isDue(this.#bytesReceived) && this.stage.cut()) this.#tellCut();
  }

  #sendReceipt(): void {
    try {
      this.stage.far.write(numbered(this.#receiptsSent));
      this.#receiptsSent++;
    } catch (error) {
      // A session that is being closed takes no more; the side that sends is told how it ended.
      if (!(error instanceof SessionError && error.code === 'closed')) throw error;
    }
  }

  /** Cuts that had to wait for the one before and outlasted the stream fall on a link at rest. */
  async #cutAtRest(): Promise<void> {
    await this.stage.mended();
    if (!this.stage.cut()) throw new Failed('The links are gone, and the session with them.');
    this.#tellCut();
  }

  #tellCut(): void {
    this.#cuts.done();
    const { cuts: cut, lastCut: links } = this.stage;
    this.output.tell({ event: 'cut', cut, links, bytesReceived: this.#bytesReceived });
  }

  #tellResumed(afterMs: number): void {
    const { cuts } = this.stage;
    const asked = this.options.cuts;
    const ms = Math.round(afterMs * 10) / 10;
    this.output.tell({ event: 'resumed', cut: cuts, afterMs: ms });
    if (cuts % Math.ceil(asked / 10) !== 0) return;
    const at = mib(this.#bytesReceived).padStart(9);
    const { links, lastCut } = this.stage;
    const what = links === 1 ? '' : lastCut === 1 ? 'one link  ' : lastCut === links ? 'all links ' : `${lastCut} links   `;
    this.output.say(`  cut ${String(cuts).padStart(String(asked).length)} of ${asked}  ${at} in  ${what}back after ${ms} ms`);
  }

  #summary(seconds: number, rssGrowthMiB: number): DemoSummary {
    const { cuts, resumesMs } = this.stage;
    return {
      bytes: this.#bytesSent,
      sha256Sent: this.#sent.digest('hex'),
      sha256Received: this.#received.digest('hex'),
      protocol: this.stage.near.protocol,
      links: this.stage.links,
      cuts,
      linksCut: this.stage.linksCut,
      resumes: resumesMs.length,
      lost: this.#there.lostOf(this.#numbersSent) + this.#back.lostOf(this.#receiptsSent),
      duplicated: this.#there.duplicated + this.#back.duplicated,
      outOfOrder: this.#there.outOfOrder + this.#back.outOfOrder,
      seconds,
      resumeMsP50: percentile(resumesMs, 50),
      resumeMsP99: percentile(resumesMs, 99),
      rssGrowthMiB,
    };
  }

  #tellSummary(summary: DemoSummary, isGood: boolean): void {
    const { output } = this;
    const { bytes, sha256Sent, sha256Received, cuts, resumes, lost, duplicated, outOfOrder, seconds } = summary;
    output.tell(summary);
    output.say('');
    output.say(`${isGood ? 'Everything arrived, once and in order.' : 'NOT everything arrived once and in order.'}`);
    output.say(`  sent      ${sha256Sent}`);
    output.say(`  received  ${sha256Received}  ${sha256Sent === sha256Received ? 'the same' : 'DIFFERENT'}`);
    output.say(
      `  ${this.#numbersSent} messages there, ${this.#receiptsSent} receipts back: ${lost} lost, ${duplicated} doubled, ${outOfOrder} out of order`,
    );
    output.say(
      `  ${cuts} cuts of ${summary.linksCut} links, ${resumes} resumes: half of them within ${summary.resumeMsP50} ms, 99 of 100 within ${summary.resumeMsP99} ms`,
    );
    output.say(`  ${mib(bytes)} in ${seconds} s; memory grew by ${summary.rssGrowthMiB} MiB`);
  }
}

/** How much the resident memory grew at most; looks are spread over the messages, since each costs a system call. */
class Memory {
  readonly #start = process.memoryUsage.rss();
  #peak = this.#start;
  #looks = 0;

  look(): void {
    if (++this.#looks % 64 === 0) this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }

  get growthMiB(): number {
    return Math.round((Math.max(this.#peak, process.memoryUsage.rss()) - this.#start) / 2 ** 20);
  }
}

function mib(bytes: number): string {
  if (bytes < 2 ** 20) return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
}
