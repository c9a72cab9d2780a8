import { createEngine, type Connection } from '../../adapters/index.js';
import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { tcp } from '../../transports/tcp.js';
import { AWAY, Between } from '../interop/between.js';
import { News } from '../interop/news.js';

const news = new News();
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function pairOver(options: ResumeOptions): Promise<{ near: Connection; far: Connection; between: Between }> {
  const server = createEngine({ transports: [tcp()], protocols: [resume(options)], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({ transports: [tcp()], protocols: [resume(options)] });
  for (const engine of [server, client]) {
    open.push(() => engine.shutdown({ deadlineMs: 1000 }));
    news.of(engine);
    await engine.start();
  }
  const between = new Between(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  between.onAccepted = news.tell;
  open.push(() => between.close());
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(await between.listen());
  return { near, far: (await accepted).value as Connection, between };
}

describe('resume/patience: something in between accepts while the peer behind it is away', () => {
  test.each(AWAY)(
    '[RES-23] it %s: every message arrives once, in order, when the way is free again',
    async (away) => {
      const { near, far, between } = await pairOver({ reconnectWindowMs: 20_000 });
      const heard: number[] = [];
      far.onMessage = (message) => {
        heard.push((message as Uint8Array)[0]!);
        news.tell();
      };
      near.write(Uint8Array.of(1));
      await news.until(() => heard.length === 1);
      between.away = away;
      between.cut();
      const before = between.accepted;
      for (let n = 2; n <= 20; n++) near.write(Uint8Array.of(n));
      await news.until(() => between.accepted >= before + 4);
      expect(heard).toEqual([1]);
      between.away = undefined;
      await news.until(() => heard.length >= 20);
      expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      expect([near.state, far.state]).toEqual(['completed', 'completed']);
    },
    30_000,
  );
});
