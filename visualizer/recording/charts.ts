import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import { graphOf, transitionsOf, type Graph } from '../graph.js';
import { guardName } from '../words.js';
import type { RefusedGuard } from './format.js';

type Nodes = AnyMachineSnapshot['_nodes'];
type Transition = AnyMachineSnapshot['_nodes'][number]['transitions'] extends Map<string, (infer T)[]> ? T : never;

/** The charts of a recording by name. Variants of one chart (`provide`) share a name; other charts of the same id get a number. */
export class Charts {
  readonly #byMachine = new WeakMap<AnyStateMachine, RecordedChart>();
  readonly #byConfig = new Map<object, string>();
  readonly #names = new Set<string>();

  /** `isNew`: its line is still to be written. */
  of(machine: AnyStateMachine): { readonly chart: RecordedChart; readonly isNew: boolean } {
    const known = this.#byMachine.get(machine);
    if (known !== undefined) return { chart: known, isNew: false };
    const config = machine.config as object;
    const name = this.#byConfig.get(config);
    const chart = new RecordedChart(name ?? this.#newName(machine.id), machine);
    this.#byMachine.set(machine, chart);
    this.#byConfig.set(config, chart.name);
    return { chart, isNew: name === undefined };
  }

  #newName(id: string): string {
    let name = id;
    for (let n = 2; this.#names.has(name); n++) name = `${id}#${n}`;
    this.#names.add(name);
    return name;
  }
}

/** One chart, and the places of its transitions among the edges of its graph. */
export class RecordedChart {
  readonly #edges = new Map<object, number>();
  readonly #leaves = new WeakMap<Nodes, readonly string[]>();

  constructor(
    readonly name: string,
    readonly machine: AnyStateMachine,
  ) {
    transitionsOf(machine).forEach((transition, place) => this.#edges.set(transition, place));
  }

  get graph(): Graph {
    return graphOf(this.machine);
  }

  edgesOf(transitions: readonly object[]): readonly number[] {
    return transitions.flatMap((each) => this.#edges.get(each) ?? []);
  }

  /** Ids of the innermost of these states. */
  leavesOf(nodes: Nodes): readonly string[] {
    let leaves = this.#leaves.get(nodes);
    if (leaves === undefined) {
      leaves = nodes.filter((node) => node.type === 'atomic' || node.type === 'final').map(({ id }) => id);
      this.#leaves.set(nodes, leaves);
    }
    return leaves;
  }
}

/** Guards listed per step, at most. */
export const GUARDS_MAX = 20;

/** Inspection says nothing of guards; but those of candidates before the chosen transition were asked, and refused. */
export function refusedGuards(nodes: Nodes, { type }: EventObject, chosen: readonly object[]): readonly RefusedGuard[] {
  const refused: RefusedGuard[] = [];
  const isEventless = (chosen[0] as Transition | undefined)?.eventType === '';
  const asked = new Set<AnyStateNode>();
  for (const leaf of nodes) {
    if (leaf.type !== 'atomic' && leaf.type !== 'final') continue;
    for (let node: AnyStateNode | undefined = leaf; node !== undefined && !asked.has(node); node = node.parent) {
      asked.add(node);
      const candidates = (isEventless ? node.always : node.transitions.get(type)) ?? [];
      const taken = candidates.findIndex((candidate) => chosen.includes(candidate));
      for (const candidate of taken < 0 ? candidates : candidates.slice(0, taken)) {
        if (candidate.guard === undefined || refused.length >= GUARDS_MAX) continue;
        refused.push({ guard: guardName(candidate.guard), state: node.id, event: isEventless ? '' : type });
      }
      if (taken >= 0) break;
    }
  }
  return refused;
}
