import { ConnectError, createEngine, SessionError, type EngineOptions } from '../adapters/index.js';
import { pool } from '../adapters/pool/index.js';
import { resume } from '../adapters/resume/index.js';
import { tcp } from '../transports/tcp.js';
import { listening, started } from './engines.js';

test('engine: an address without a listener rejects with the closing', async () => {
  const server = await listening();
  const address = server.addresses[0]!;
  await server.shutdown();
  const client = await started();
  const error: unknown = await client.connect(address).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as ConnectError).closing).toMatchObject({ code: 'refused', side: 'remote', retry: true });
  expect((error as ConnectError).message).toContain(address);
});

test.each([undefined, 7, [], [undefined]])('what is no address is named: %j', async (wrong) => {
  const client = await started();
  await expect(client.connect(wrong as unknown as string)).rejects.toMatchObject({ name: 'SessionError', code: 'bad-address' });
});

test.each([
  ['http://127.0.0.1:1', 'no-transport', 'http://'],
  ['127.0.0.1:1', 'bad-address', '127.0.0.1:1'],
  ['tcp://127.0.0.1:99999', 'bad-address', '99999'],
])('engine: an address that can not be right (%s) is named at once', async (address, code, named) => {
  const client = await started();
  await expect(client.connect(address)).rejects.toMatchObject({
    name: 'SessionError',
    code,
    message: expect.stringContaining(named) as string,
  });
});

test('engine: connect before start, after shutdown, and with an unknown protocol', async () => {
  const idle = createEngine({ transports: [tcp()], protocols: [resume()] });
  await expect(idle.connect('tcp://127.0.0.1:1')).rejects.toMatchObject({ code: 'shutting-down' });
  const client = await started();
  await expect(client.connect('tcp://127.0.0.1:1', { protocol: 'ship' })).rejects.toMatchObject({ code: 'no-protocol' });
  await client.shutdown();
  await expect(client.connect('tcp://127.0.0.1:1')).rejects.toMatchObject({ code: 'shutting-down' });
});

test('engine: a listener that other machines can reach and that proves nothing refuses to start unless `insecure` is set', async () => {
  const bare = createEngine({ transports: [tcp()], protocols: [resume()], listen: ['tcp://0.0.0.0:0'] });
  await expect(bare.start()).rejects.toMatchObject({ code: 'insecure' });
  await started({ listen: ['tcp://0.0.0.0:0'], insecure: true });
});

test('engine: options that can not be are named with what was expected', () => {
  expect(() => resume({ messageBytesMax: 2 ** 30 })).toThrow(SessionError);
  expect(() => resume({ sendBytesMax: 1000 })).toThrow('resume.sendBytesMax');
  expect(() => resume({ receiveBytesMax: Infinity })).toThrow('resume.receiveBytesMax');
  expect(() => pool({ identity: 'by-address', sendBytesMax: 1000, messageBytesMax: undefined } as never)).toThrow(
    'room for a message',
  );
  expect(() => resume({ windowMs: 1 } as object)).toThrow('resume: there is no option "windowMs"');
  expect(() => resume({ idleMs: -1 })).toThrow('resume.idleMs: expected a finite number of at least 0, got -1');
});

test.each([
  [{ transports: [] }, 'createEngine.transports: expected at least one of transports, got 0'],
  [{ transports: 'tcp' }, 'createEngine.transports: expected a list of transports, got "tcp"'],
  [{ protocols: [resume] }, 'createEngine.protocols.0: expected a protocol, e.g. resume(), got a function'],
  [{ listen: 'tcp://127.0.0.1:0' }, 'createEngine.listen: expected a list of addresses, got "tcp://127.0.0.1:0"'],
  [{ insecure: 'yes' }, 'createEngine.insecure: expected true or false, got "yes"'],
  [{ limits: { incomingMax: -1 } }, 'createEngine.limits.incomingMax: expected a whole number of at least 0, got -1'],
  [{ limits: { incoming: 1 } }, 'createEngine.limits: there is no option "incoming"'],
  [{ listn: [] }, 'createEngine: there is no option "listn"'],
])('engine: a wrong option is named, with what was expected and what was given: %j', (wrong, message) => {
  const options = { transports: [tcp()], protocols: [resume()], ...wrong } as unknown as EngineOptions;
  expect(() => createEngine(options)).toThrow(message);
});
