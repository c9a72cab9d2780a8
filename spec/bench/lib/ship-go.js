// The real ship-go, driven over JSON lines (spec/interop/ship-go). Built by `go build` on first use; needs Go.
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../../interop/ship-go/', import.meta.url));

export async function startShipGo(options) {
  const binary = fileURLToPath(new URL('../native/ship-go', import.meta.url));
  mkdirSync(fileURLToPath(new URL('../native/', import.meta.url)), { recursive: true });
  execFileSync('go', ['build', '-mod=readonly', '-trimpath', '-o', binary, '.'], { cwd: sources });
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map();
  let ids = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    if ('re' in said) { waiting.get(said.re)?.(said); waiting.delete(said.re); }
  });
  const command = (name, more) => new Promise((resolve, reject) => {
    const id = ++ids;
    waiting.set(id, (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
    child.stdin.write(`${JSON.stringify({ id, do: name, ...more })}\n`);
  });
  const started = await command('start', { shipId: 'ship-go', ...options });
  return {
    port: started.port,
    cpuMs: async () => { const { userMs, systemMs } = await command('counters', {}); return userMs + systemMs; },
    stop: () => new Promise((r) => { child.once('close', r); child.stdin.end(); setTimeout(() => child.kill('SIGKILL'), 1000).unref(); }),
  };
}
