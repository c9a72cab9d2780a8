// node memory.js [peer] [connections] [bytesMin]: what the server's heap is made of per idle connection, by constructor.
import { unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { census, growth } from './lib/heap.js';
import { pair } from './lib/pair.js';
import { sleep } from './lib/util.js';

const [peer = 'holdfast-tcp', connections = '1000', bytesMin = '24'] = process.argv.slice(2);
const h = await pair(peer, { dial: false, serverOpts: { bare: true } });
const taken = async (name) => {
  const path = join(tmpdir(), `holdfast-${process.pid}-${name}.heapsnapshot`);
  await h.server.call('snapshot', { path });
  const groups = census(path);
  unlinkSync(path);
  return groups;
};
try {
  await h.client.call('openIdle', { peer, port: h.port, n: 100, conc: 10 });
  await sleep(300);
  const before = await taken('before');
  await h.client.call('openIdle', { peer, port: h.port, n: Number(connections), conc: 50 });
  await sleep(1000);
  console.log(growth(before, await taken('after'), Number(connections), Number(bytesMin)).join('\n'));
} finally {
  await h.stop();
}
process.exit(0);
