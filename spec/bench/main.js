// `npm run bench [-- --quick]`: holdfast beside its peers, same work, same run, ratios. About 15 minutes; --quick about two.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

const words = process.argv.slice(2);
const quick = words.length === 1 && words[0] === '--quick';
if (words.length > 0 && !quick) {
  const isAsked = words.length === 1 && words[0] === '--help';
  if (!isAsked) console.error(`expected --quick or nothing, got "${words.join(' ')}"`);
  console[isAsked ? 'log' : 'error']('Usage: npm run bench [-- --quick]: holdfast beside its peers, in 15 minutes or two; single suites by spec/bench/run.js');
  process.exit(isAsked ? 0 : 2);
}

const here = new URL('./', import.meta.url);
if (!existsSync(new URL('node_modules', here))) {
  console.error('The peers are not installed: npm ci --prefix spec/bench');
  process.exit(2);
}
if (!existsSync(new URL('../../dist/adapters/index.js', here))) {
  console.error('holdfast is not built: npm run build');
  process.exit(2);
}
const hasWebSocket = existsSync(new URL('../../dist/transports/websocket.js', here));
const ours = ['holdfast-tcp', ...(hasWebSocket ? ['holdfast-ws'] : [])];
const all = ['holdfast-pool', ...ours]; // Pool has nothing to resume.

const suites = quick
  ? [
      ['throughput', '--peers', ['net', 'net-coalesce', 'ws', 'rsocket-tcp-resume', ...all].join(), '--sizes', '64,1024,65536', '--reps', '1', '--ms', '600'],
      ['latency', '--peers', ['net', ...all].join(), '--reps', '2'],
      ['reconnect', '--peers', 'rsocket-tcp-resume,holdfast-tcp', '--cuts', '15'],
    ]
  : [
      ['throughput', '--peers', ['net', 'net-coalesce', 'ws', 'socketio-recovery', 'rsocket-tcp-resume', 'rsocket-ws-resume', ...all].join(), '--sizes', '64,1024,65536', '--reps', '5'],
      ['latency', '--peers', ['net', 'ws', 'rsocket-tcp-resume', ...all].join(), '--reps', '5'],
      ['reconnect', '--peers', ['rsocket-tcp-resume', 'rsocket-ws-resume', 'river', ...ours].join(), '--cuts', '100'],
      ['reconnect', '--peers', ['rsocket-tcp-resume', ...ours].join(), '--mode', 'silent', '--cuts', '10', '--heartbeat', '2000', '--downMs', '1000,1000', '--upMs', '1000,1500', '--maxMs', '30000', '--out', 'reconnect-silent'],
      ['connect', '--peers', ['net', 'ws', 'socketio', 'rsocket-tcp-resume', ...ours].join(), '--reps', '5'],
      ['idle', '--peers', ['net', 'ws', 'rsocket-ws', ...ours].join(), '--steps', '1000,10000'],
    ];

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, load ${loadavg().map((l) => l.toFixed(2)).join(' ')}${quick ? ', quick' : ''}`);
let failed = 0;
for (const [suite, ...args] of suites) {
  console.log(`\n== ${suite} ${args.join(' ')}`);
  failed += spawnSync(process.execPath, ['run.js', suite, ...args], { cwd: here, stdio: 'inherit' }).status === 0 ? 0 : 1;
}
console.log(`\nload ${loadavg().map((l) => l.toFixed(2)).join(' ')}`);
process.exit(failed > 0 ? 1 : 0);
