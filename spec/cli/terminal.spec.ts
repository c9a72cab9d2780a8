import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine } from '../../adapters/index.js';
import { Output } from '../../adapters/cli/output.js';
import { printable, printableJson } from '../../adapters/printable.js';
import { resume } from '../../adapters/resume/index.js';
import { FileSource, sendFiles, StreamSession, type Source } from '../../adapters/streams/index.js';
import { encodeRecord } from '../../adapters/streams/transfer/codec.js';
import { tcp } from '../../transports/tcp.js';

/** What a terminal would obey, or be fooled by. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\r\n\u009b31m\u202ecod.exe\u2066\u200b\u2028\ufeff\u{e0041}\ud800\u061c\u0000';
const RAW = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** What was printed, line by line, without the ends of the lines that are the program's own. */
const rawIn = (text: string): string[] => text.split('\n').filter((line) => RAW.test(line));

test('terminal: control, bidirectional, invisible and broken characters are escaped, all others stay', () => {
  expect(RAW.test(printable(EVIL))).toBe(false);
  expect(printable('a\u001b[2Jb\u202ec\n')).toBe('a\\u{1b}[2Jb\\u{202e}c\\u{a}');
  for (const fine of ['Füße 漢字 кот عربي', '👍🏽 ❤️', 'a b\u00a0c', 'e\u0301', '~!@#$%^&*()']) expect(printable(fine)).toBe(fine);
});

test('terminal: JSON stays valid, says the same, and is as safe', () => {
  const value = { name: EVIL, [EVIL]: [EVIL], n: 1.5, no: null };
  const json = printableJson(JSON.stringify(value));
  expect([RAW.test(json), JSON.parse(json)]).toEqual([false, value]);
});

test('terminal: everything that a command prints passes one place', () => {
  const cli = join(__dirname, '../../adapters/cli');
  const printing = readdirSync(cli).filter((name) => /console\.|std(out|err)\.write/.test(readFileSync(join(cli, name), 'utf8')));
  expect(printing.sort()).toEqual(['output.ts', 'program.ts']); // program.ts: a hint about the user's own words.
  const written: string[] = [];
  const spy = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((text) => (written.push(String(text)), true)),
  );
  const [people, programs] = [new Output(false), new Output(true)];
  people.say(EVIL);
  people.warn(EVIL);
  people.fail({ exitCode: 1, code: EVIL, message: EVIL, advice: EVIL });
  programs.tell({ message: EVIL });
  programs.fail({ exitCode: 1, code: EVIL, message: EVIL });
  people.say('x'.repeat(1 << 20));
  for (const each of spy) each.mockRestore();
  expect(written.length).toBe(8);
  expect([written.flatMap(rawIn), written.every((text) => text.endsWith('\n') && text.length < 10_000)]).toEqual([[], true]);
});

describe('terminal: what a peer says is shown escaped', () => {
  let scratch: string;
  const engines: Engine[] = [];
  const children: { kill(signal: 'SIGKILL'): boolean }[] = [];
  beforeEach(() => (scratch = mkdtempSync(join(tmpdir(), 'holdfast-terminal-'))));
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(engines.splice(0).map((engine) => engine.shutdown({ deadlineMs: 0 })));
    rmSync(scratch, { recursive: true, force: true });
  });

  /** A command as people run it, and all that it prints. */
  const run = (
    ...args: string[]
  ): { printed: () => string; until: (pattern: RegExp) => Promise<string>; ended: Promise<unknown> } => {
    const child = spawn(process.execPath, [join(__dirname, '../../dist/adapters/cli/main.js'), ...args], { cwd: scratch });
    children.push(child);
    let printed = '';
    let look = (): void => {};
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        look();
      });
    child.stdin.end();
    const until = (pattern: RegExp): Promise<string> =>
      new Promise((resolve) => {
        look = () => void (pattern.test(printed) && resolve(pattern.exec(printed)![0]));
        look();
      });
    return { printed: () => printed, until, ended: once(child, 'close') };
  };

  test.each([[['--keep']], [['--keep', '--json']]])(
    'receive %j: a file name of a sender',
    async (more) => {
      const far = run('receive', '--listen', 'tcp://127.0.0.1:0', '--dir', 'in', ...more);
      const address = await far.until(/tcp:\/\/127\.0\.0\.1:\d+/);
      const near = createEngine({ transports: [tcp()], protocols: [resume()] });
      engines.push(near);
      await near.start();
      const session = new StreamSession(await near.connect(address));
      const real = await FileSource.of(__filename, 'x');
      const source: Source = Object.create(real, { about: { value: { ...real.about, name: `${EVIL}.txt` } } }) as Source;
      await sendFiles(session, [source]).catch(() => {});
      await far.until(/is refused/);
      expect(rawIn(far.printed())).toEqual([]);
      expect(far.printed()).toContain('\\u{1b}[2J');
    },
    30_000,
  );

  test.each([[[]], [['--json']]])(
    'send %j: the reason of a receiver',
    async (more) => {
      const far = createEngine({ transports: [tcp()], protocols: [resume()], listen: ['tcp://127.0.0.1:0'] });
      engines.push(far);
      await far.start();
      void (async () => {
        for await (const connection of far.incoming)
          new StreamSession(connection).onOffer = (offer) => {
            const stream = offer.accept().on('error', () => {});
            stream.end(encodeRecord({ kind: 'failed', code: 'io', message: EVIL }));
            stream.resume();
          };
      })();
      const near = run('send', __filename, '--to', far.addresses[0]!, ...more);
      await near.ended;
      expect(rawIn(near.printed())).toEqual([]);
      expect(near.printed()).toContain('owned');
    },
    30_000,
  );
});
