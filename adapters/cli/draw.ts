import type { Command } from 'commander';
import * as machines from '../../machines/index.js';
import { chartsOf, draw, drift } from '../../visualizer/draw.js';
import { Output } from './shared.js';

export function drawCommand(program: Command): void {
  program
    .command('draw')
    .description('every chart as Mermaid text, drawn from the machines that run')
    .option('--out <dir>', 'where to', 'spec/charts')
    .option('--check', 'write nothing; fail when a drawing no longer shows its machine')
    .option('--json', 'print machine-readable lines, the summary last')
    .action((options: { out: string; check?: boolean; json?: boolean }) => {
      const output = new Output(options.json ?? false);
      const charts = chartsOf(machines);
      if (options.check === true) {
        const drifted = drift(charts, options.out);
        for (const { file, firstDifference } of drifted) output.say(`${options.out}/${file}: ${firstDifference}`);
        output.tell({ charts: Object.keys(charts), drifted });
        if (drifted.length > 0) process.exitCode = 1;
        else output.say(`${Object.keys(charts).length} drawings show their machines.`);
        return;
      }
      const changed = draw(charts, options.out);
      output.say(changed.length === 0 ? 'Nothing has changed.' : changed.map((file) => `${options.out}/${file}`).join('\n'));
      output.tell({ charts: Object.keys(charts), changed });
    });
}
