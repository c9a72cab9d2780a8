import type { Command } from 'commander';
import type { Drawings } from '../../visualizer/draw.js';
import { checkTakesFiles, makeDirectory } from '../identity/directories.js';
import { Misuse, Output } from './cli-output.js';

interface DrawOptions {
  readonly out: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function drawCommand(program: Command): void {
  program
    .command('draw')
    .description('draws every chart as Mermaid text and as pictures, from the machines that run')
    .option('--out <dir>', 'the directory of the drawings', 'spec/charts')
    .option('--check', 'write nothing; fail if a drawing differs from its machine')
    .option('--json', 'print one JSON object per line, the summary last')
    .action(async ({ out, check = false, json = false }: DrawOptions) => {
      const output = new Output(json);
      // Pictures take seconds: an unusable directory is reported before they are drawn.
      if (!check)
        await makeDirectory(out)
          .then(() => checkTakesFiles(out))
          .catch((error: Error) => {
            throw new Misuse(`--out: can't keep drawings in ${out}: ${error.message}`);
          });
      const [machines, visualizer, files] = await Promise.all([
        import('../../machines/index.js'),
        import('../../visualizer/draw.js'),
        import('../../visualizer/files.js'),
      ]);
      const charts = { ...visualizer.chartsOf(machines), ...visualizer.tablesOf(machines.phaseTables) };
      const names = Object.keys(charts).sort();
      const pictures = await picturesOf(visualizer.pictures(charts), output);
      if (check) {
        const drifted = [...files.drift(charts, out), ...files.compare(pictures, out)];
        for (const { file, firstDifference } of drifted) output.say(`${out}/${file}: ${firstDifference}`);
        output.say(
          drifted.length > 0
            ? `To draw them again: holdfast draw --out ${out}`
            : `All ${names.length + pictures.size} drawings match their machines.`,
        );
        output.tell({ charts: names, drifted });
        if (drifted.length > 0) process.exitCode = 1;
        return;
      }
      const changed = [...files.draw(charts, out), ...files.write(pictures, out)];
      for (const line of changed.length === 0 ? ['No drawing has changed.'] : changed.map((file) => `${out}/${file}`))
        output.say(line);
      output.tell({ charts: names, changed });
    });
}

/** Without the layout package there are no pictures: only text is drawn. */
async function picturesOf(drawn: Promise<Drawings>, output: Output): Promise<Drawings> {
  try {
    return await drawn;
  } catch (error) {
    output.say(`${(error as Error).message}; drawing Mermaid text only.`);
    return new Map();
  }
}
