import { RUNTIMES, setDefaultRuntime, type Runtime } from '../../machines/runtime/runtime.js';

/** The runtime of all engines that name none, from the environment variable `HOLDFAST_RUNTIME`. Loaded by `jest.config.ts`. */
const chosen = process.env['HOLDFAST_RUNTIME'] as Runtime;
if (!RUNTIMES.includes(chosen)) throw new Error(`HOLDFAST_RUNTIME: expected ${RUNTIMES.join(' or ')}, got "${chosen}"`);
setDefaultRuntime(chosen);
