import type { Command } from 'commander';
import { makeIdentity, saveIdentity } from '../identity/index.js';
import { Output } from './shared.js';

export function certCommand(program: Command): void {
  program
    .command('cert')
    .description('make an identity: a private key and a self-signed certificate; print what peers know it by')
    .option('--out <dir>', 'where to keep key.pem and cert.pem', 'identity')
    .option('--name <name>', 'a name for people', 'holdfast')
    .option('--force', 'replace an identity that is there; who trusted it must be told the new fingerprint')
    .option('--json', 'print machine-readable lines, the summary last')
    .action(async (options: { out: string; name: string; force?: boolean; json?: boolean }) => {
      const output = new Output(options.json ?? false);
      const identity = await makeIdentity({ commonName: options.name });
      await saveIdentity(options.out, identity, { replace: options.force ?? false });
      const { fingerprint, ski } = identity;
      output.say(`Kept in ${options.out}.\nfingerprint ${fingerprint}\nSKI         ${ski ?? '(none)'}`);
      output.tell({ directory: options.out, fingerprint, ski });
    });
}
