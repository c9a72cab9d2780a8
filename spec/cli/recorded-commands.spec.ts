import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command as Described } from 'commander';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { makeProgram } from '../../adapters/cli/program.js';
import { readRecording } from '../../visualizer/reader/index.js';
import { Command } from './command.js';

const dir = mkdtempSync(join(tmpdir(), 'holdfast-recorded-'));
beforeAll(() => Promise.all(['a', 'b'].map(async (name) => saveIdentity(join(dir, name), await makeIdentity()))));
const running: Command[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What a viewer of a command got, when the command has ended. */
const pages = new Map<string, Promise<string>>();
/** Runs a command that is recorded and watched; `name` is that of its recording. */
async function watched(name: string, ...words: readonly string[]): Promise<Command> {
  const command = new Command([...words, '--record', join(dir, `${name}.rec`), '--inspect']);
  running.push(command);
  const { url } = await command.heard('inspect');
  const stream = await fetch(`${String(url)}stream`);
  pages.set(name, stream.text());
  return command;
}

test('cli/record: every command that runs an engine writes and shows it, from its beginning to its end', async () => {
  const listen = 'tcp://127.0.0.1:0';
  const exit = await watched('tunnel listen', 'tunnel', 'listen', listen, '--to', '127.0.0.1:9');
  const far = String((await exit.heard('listening'))['address']);
  const entrance = await watched('tunnel dial', 'tunnel', 'dial', far, '--listen', '127.0.0.1:0');
  const receive = await watched('receive', 'receive', '--listen', listen, '--dir', join(dir, 'in'));
  const send = await watched('send', 'send', '-', '--to', String((await receive.heard('listening'))['address']));
  send.child.stdin!.end('sent');
  const ship = ['--no-mdns', '--auto-accept', '--identity'];
  const serve = await watched('ship serve', 'ship', 'serve', '--listen', 'wss://127.0.0.1:0/ship/', ...ship, join(dir, 'a'));
  const { address, ski } = await serve.heard('listening');
  const shipWords = ['ship', 'dial', String(address), '--ski', String(ski), '--stay', ...ship, join(dir, 'b')];
  const dial = await watched('ship dial', ...shipWords);
  await Promise.all([
    ...[exit, entrance].map((each) => each.heard('connected').then(() => each.interrupt())),
    Promise.all([serve, dial].map((each) => each.heard('connected'))).then(() => Promise.all([serve, dial].map((each) => each.interrupt()))), // prettier-ignore
    watched('rendezvous', 'rendezvous', '--nodes', '3'),
    watched('demo', 'demo', '--size', '1MiB', '--cuts', '1'),
  ]);
  await Promise.all(running.map(({ ended }) => ended));
  const names = [...pages.keys()];
  expect(names.sort()).toEqual(
    leaves(makeProgram()).filter((path) => path !== 'cert' && path !== 'draw' && path !== 'inspect').sort(), // prettier-ignore
  );
  for (const name of names) {
    const { recording, warning } = readRecording(readFileSync(join(dir, `${name}.rec`), 'utf8'));
    const entered = recording.lines.flatMap((line) => (line.type === 'step' ? line.to : []));
    const connections = recording.lines.filter((line) => line.type === 'session');
    const shown = await pages.get(name)!;
    expect({
      name: recording.header.label,
      warning,
      hasSession: connections.length > 0,
      ends: [entered.includes('hub.up.serving'), entered.includes('hub.closed')],
      isShown: shown.includes('"hub.up.serving"') && shown.includes('"hub.closed"') && shown.endsWith('event: end\ndata:\n\n'),
    }).toEqual({ name: `holdfast ${name}`, warning: undefined, hasSession: true, ends: [true, true], isShown: true });
  }
  // A rendezvous node has a chart above its engine; what is sent to an actor that has ended makes no new one.
  const { recording } = readRecording(readFileSync(join(dir, 'rendezvous.rec'), 'utf8'));
  const roots = recording.lines.flatMap((line) => (line.type === 'actor' && line.parent === undefined ? [line.name] : []));
  expect(roots).toEqual([1, 2, 3].flatMap((n) => [`node ${n}`, `phases of node ${n}`]));
}, 60_000);

/** The commands that are no groups of others. */
function leaves({ commands }: Described, above = ''): string[] {
  return commands.flatMap((each) => {
    const path = `${above}${each.name()}`;
    return each.commands.length > 0 ? leaves(each, `${path} `) : [path];
  });
}

test('cli/record: a command line that is wrong prints its error alone, and leaves the file of the recording as it was', async () => {
  const path = join(dir, 'kept.rec');
  writeFileSync(path, 'mine');
  const wrong = [
    'demo --inspect --links 99',
    'demo --inspect --size 1XiB',
    'demo --inspect --seconds 99999',
    'demo --inspect --links 3 --protocol resume',
    'demo --inspect --file not-there',
    'demo --inspect --record not-there/x',
    'rendezvous --inspect --record not-there/x',
    `send not-there --to tcp://127.0.0.1:1 --inspect --record ${path}`,
    `tunnel listen tcp://0.0.0.0:0 --to 127.0.0.1:9 --inspect --record ${path}`,
    `ship serve --identity ${join(dir, 'a')} --inspect --record not-there/x`, // Over mDNS, which must not hold it.
    `ship dial --identity ${join(dir, 'a')} --inspect --record ${path}`,
  ];
  const found = await Promise.all(
    wrong.map(async (words) => {
      const command = new Command(words.split(' '));
      running.push(command);
      return { words, ...(await command.ended), lines: command.lines.map((line) => line['failed'] ?? line) };
    }),
  );
  expect(found).toEqual(wrong.map((words) => ({ words, code: 2, signal: null, lines: ['misuse'] })));
  expect(readFileSync(path, 'utf8')).toBe('mine');
}, 60_000);
