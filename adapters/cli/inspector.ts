import type { EngineOptions } from '../../machines/engine.js';
import { Failed } from './shared.js';

/** Charts of this process, shown in a browser; `inspect` is for its engines. */
export interface Inspector extends Required<Pick<EngineOptions, 'inspect'>> {
  readonly url: string;
  close(): Promise<void>;
}

/** Opens the live inspector on this machine. Port 0 lets the system choose. Rejects with `Failed` where the port is taken. */
export async function openInspector(port: number): Promise<Inspector> {
  // Loaded only where somebody wants to look.
  const [machines, { chartsOf, LiveView }, { serveLive }] = await Promise.all([
    import('../../machines/index.js'),
    import('../../visualizer/index.js'),
    import('../../visualizer/server/index.js'),
  ]);
  const view = new LiveView({ clock: performance });
  try {
    const { url, close } = await serveLive(view, chartsOf(machines), { port });
    return { inspect: view.inspect, url, close };
  } catch (error) {
    throw new Failed(`--inspect: ${(error as Error).message}`);
  }
}
