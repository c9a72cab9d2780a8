import { createEngine, type Engine, type EngineOptions } from '../adapters/index.js';
import { resume } from '../adapters/resume/index.js';
import { tcp } from '../transports/tcp.js';

/** Engines of the running test over TCP, newest last. All are shut down after each test of a file that imports this one. */
export const engines: Engine[] = [];

export async function started(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = createEngine({ transports: [tcp()], protocols: [resume()], ...options });
  engines.push(engine);
  await engine.start();
  return engine;
}

export const listening = (options: Partial<EngineOptions> = {}): Promise<Engine> =>
  started({ listen: ['tcp://127.0.0.1:0'], ...options });

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown()));
});
