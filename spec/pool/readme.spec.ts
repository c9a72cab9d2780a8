import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectionManager } from 'holdfast/adapters/pool';
import { tcp } from 'holdfast/transports/tcp';

test('pool: the example of the guide runs as it stands there', async () => {
  const said: unknown[][] = [];
  const console = { log: (...words: unknown[]): unknown => said.push(words) };
  // begin
  const [alice, bob] = ['a'.repeat(64), 'b'.repeat(64)]; // 32 bytes each; over TLS the fingerprints of their certificates.
  const book = new Map<string, string[]>();
  const resolver = { resolve: (id: string) => book.get(id) ?? [] }; // Asynchronous, if need be; several addresses race.
  const there = new ConnectionManager({ id: bob, identity: 'stated', transports: [tcp()], resolver });
  book.set(bob, [await there.listen('tcp://127.0.0.1:0')]);
  const here = new ConnectionManager({ id: alice, identity: 'stated', transports: [tcp()], resolver });
  const [one, same] = await Promise.all([here.connect(bob), here.connect(bob)]); // One connection, two handles.
  await one.send(new TextEncoder().encode('hello')); // Handed over to the transport: this protocol has no acknowledgement.
  for await (const accepted of there.incoming()) {
    console.log(accepted.remoteId() === alice, new TextDecoder().decode(await accepted.next()));
    break;
  }
  await Promise.all([one.close(), same.close()]); // The last handle closes the connection.
  await Promise.all([here.shutdown(), there.shutdown()]);
  // end
  expect(said).toEqual([[true, 'hello']]);
});

test('pool: the tested example is that of the guide', () => {
  const page = readFileSync(join(__dirname, '../guide/pool.md'), 'utf8');
  const shown = page.split('```ts\n')[1]!.split('```')[0]!;
  const own = readFileSync(__filename, 'utf8').split('\n');
  const imports = own.filter((line) => line.startsWith('import') && line.includes('holdfast/'));
  const run = own.slice(own.indexOf('  // begin') + 1, own.indexOf('  // end')).map((line) => line.replace(/^ {2}/, ''));
  expect([...imports, '', ...run].join('\n')).toBe(shown.trimEnd());
});
