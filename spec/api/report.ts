import type { ApiExport } from './declarations.js';

/**
 * What users may build on. Convention: every entry of the package is `@public`, and changes with notice in CHANGELOG.md;
 * those listed here are `@experimental`, and may change with any version. An export tagged `@internal` is neither: it is there
 * for its neighbours. Nothing else in the sources is tagged.
 */
export const experimental: readonly string[] = [
  './adapters/rx',
  './machines', // The charts themselves: states come and go with what is learnt.
  './spec/compliance',
  './spec/model',
  './spec/sim',
  './visualizer',
  './visualizer/files',
  './visualizer/reader',
  './visualizer/server',
  './visualizer/svg',
];

/** An entry of the package, as `exports` of package.json names it. */
export interface Entry {
  /** `.` or `./transports/tcp`. */
  readonly subpath: string;
  /** `transports/tcp.ts`. */
  readonly source: string;
}

/** The entries that are modules, in the order of the alphabet. Patterns would hide what they export. */
export function entriesOf(exports: Readonly<Record<string, string | null>>): readonly Entry[] {
  const modules = Object.entries(exports).flatMap(([subpath, target]) =>
    target?.endsWith('.js') ? [{ subpath, source: target.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts') }] : [],
  );
  return modules.sort((a, b) => (a.subpath < b.subpath ? -1 : 1));
}

/** The name under which users import it. */
export function nameOf({ subpath }: Entry): string {
  return subpath.replace(/^\./, 'holdfast');
}

/** The name of its report's file. */
export function fileOf(entry: Entry): string {
  return `${nameOf(entry)
    .replace(/^holdfast\//, '')
    .replaceAll('/', '-')}.api.md`;
}

/** The reports of all entries, by file name. What an earlier entry exports as well is not said twice. */
export function reports(
  entries: readonly Entry[],
  exportsOf: (entry: Entry) => readonly ApiExport[],
): ReadonlyMap<string, string> {
  const homes = new Map<string, string>();
  const importable = new Set(entries.flatMap((entry) => exportsOf(entry).map(({ origin }) => origin)));
  return new Map(
    entries.map((entry) => {
      const name = nameOf(entry);
      const exported = exportsOf(entry).filter(({ isInternal }) => !isInternal);
      const own = exported.filter(({ origin }) => !homes.has(origin));
      for (const { origin } of own) homes.set(origin, name);
      const lines = exported.map((each) =>
        own.includes(each) ? each.declaration : `export { ${each.name} } from '${homes.get(each.origin)!}';`,
      );
      const lacking = new Set(
        own.flatMap(({ mentions }) =>
          mentions.filter((each) => !importable.has(each)).map((each) => `\`${each.split('#')[1]!}\``),
        ),
      );
      const foot = lacking.size === 0 ? '' : `\nNamed above and exported by no entry: ${[...lacking].sort().join(', ')}.\n`;
      const promise = experimental.includes(entry.subpath)
        ? '`@experimental`: may change with any version.'
        : '`@public`: changes with notice in CHANGELOG.md.';
      const head = `# ${name}\n\n${promise} Written from the sources; \`UPDATE=1 npx jest spec/api.spec.ts\` writes it anew.\n`;
      return [fileOf(entry), `${head}\n\`\`\`ts\n${lines.join('\n')}\n\`\`\`\n${foot}`];
    }),
  );
}
