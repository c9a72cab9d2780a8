import { connectionModel } from './charts/connection.js';
import { hubModel } from './charts/hub.js';
import { poolModel } from './charts/pool.js';
import { resumeModel } from './charts/resume.js';
import { shipModel } from './charts/ship.js';
import { tunaLinkModel } from './charts/tuna-link.js';
import { ncpModel } from './charts/tuna-ncp.js';
import { tunaSessionModel } from './charts/tuna-session.js';
import { Coverage, explore, pathText, Subject, walkPath, type Model, type PlayedWorld } from './index.js';
import { interpreters } from './interpreters.js';

/**
 * Tests that the charts generate. The real machines with their real guards, actions, planes and pumps are led into every
 * situation that the stated samples lead to, nearest first; each step is judged by the drawing and by what must hold wherever one
 * is. The shortest ways that take every transition are the tests below, walked by all three interpreters.
 */
interface Proven<World extends PlayedWorld> {
  readonly model: Model<World>;
  /** What is never taken, and why. */
  readonly never?: Readonly<Record<string, string>>;
}

function proves<World extends PlayedWorld>(name: string, { model, never = {} }: Proven<World>): void {
  describe(`model/charts: the ${name} chart`, () => {
    const { coverage, paths, graph } = explore(model, { never: Object.keys(never), make: interpreters.compact });
    const subject = new Subject(model);

    const reached = graph.edges.length - Object.keys(never).length;

    test(`its tests take ${reached} of its ${graph.edges.length} transitions, and enter every state`, () => {
      const again = new Coverage(graph);
      for (const path of paths) walkPath(subject, path, again);
      for (const each of [coverage, again]) {
        expect(each.neverTaken).toEqual(Object.keys(never));
        expect(each.neverEntered).toEqual([]);
        expect(each.transitions).toEqual({ reached, of: graph.edges.length });
      }
    });

    test.each(paths.map((path) => [pathText(path), path] as const))('%s', (_, path) => {
      for (const make of Object.values(interpreters)) expect(walkPath(subject, path, undefined, make)).toEqual(path);
    });
  });
}

proves('connection', { model: connectionModel });
proves('hub', { model: hubModel });
proves('pool', {
  model: poolModel,
  never: {
    'alive.attempt.handshake: handshake.failed → closed':
      'Only where another protocol greets in its own way; spec/rendezvous/hostile.spec.ts takes it.',
  },
});
proves('resume', { model: resumeModel });
proves('ship', { model: shipModel });
proves('Tuna link', { model: tunaLinkModel });
proves('NCP', { model: ncpModel });
proves('Tuna session', {
  model: tunaSessionModel,
  never: {
    'alive: always [hasOrder]':
      'A wire is turned away where fifteen wait in reserve; spec/tuna/consistency.spec.ts fills the table to that bound.',
  },
});
