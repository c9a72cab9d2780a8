import { covers, importsOf } from './inspect.js';

/** Which module imports which: paths from the repository's root without their endings, types included. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** @param texts the source files by their paths; imports of anything else are left out */
export function importGraph(texts: ReadonlyMap<string, string>): ImportGraph {
  const module = (file: string): string => file.replace(/(\.d)?\.[cm]?ts$/, '');
  const own = new Set([...texts.keys()].map(module));
  return new Map([...texts].map(([file, text]) => [module(file), importsOf(file, text).filter((each) => own.has(each))]));
}

/** Every import circle, as the sorted list of the modules that can reach each other (the strongly connected ones, after Tarjan). */
export function circles(graph: ImportGraph): readonly (readonly string[])[] {
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (from: string): void => {
    index.set(from, index.size);
    lowest.set(from, index.get(from)!);
    stack.push(from);
    for (const to of graph.get(from) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) lowest.set(from, Math.min(lowest.get(from)!, lowest.get(to)!));
    }
    if (lowest.get(from) !== index.get(from)) return;
    const circle = stack.splice(stack.indexOf(from));
    if (circle.length > 1 || graph.get(from)?.includes(from) === true) found.push(circle.sort());
  };
  for (const module of graph.keys()) if (!index.has(module)) visit(module);
  return found;
}

/** Every import from a higher floor, or from another room of the same floor, as `from -> to`. Modules in no room are left out. */
export function againstDirection(graph: ImportGraph, rooms: readonly (readonly string[])[]): readonly string[] {
  // The last entry that covers a module speaks for it: a named file is not ground, and `hub/accept/` is more than `hub/`.
  const place = (module: string): { floor: number; room: string } | undefined => {
    const [best] = rooms
      .flatMap((floor, at) => floor.filter((room) => covers(room, module)).map((room) => ({ floor: at, room })))
      .sort((a, b) => precision(b.room) - precision(a.room));
    return best;
  };
  return [...graph].flatMap(([from, imports]) => {
    const own = place(from);
    if (own === undefined) return [];
    return imports.flatMap((to) => {
      const other = place(to);
      const mayImport = other === undefined || other.floor < own.floor || other.room === own.room;
      return mayImport ? [] : [`${from} -> ${to}`];
    });
  });
}

/** A folder or a file that is named is meant rather than a pattern, and a deeper folder rather than one around it. */
function precision(room: string): number {
  return room.includes('*') ? 0 : room.length;
}
