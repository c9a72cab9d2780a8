import type { Command } from 'commander';
import { makeIdentity, saveIdentity } from '../identity/index.js';
import { Output } from './shared.js';

interface CertOptions {
  readonly out: string;
  readonly name: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function certCommand(program: Command): void {
  program
    .command('cert')
    .description('make an identity: a private key and a self-signed certificate; print what peers know it by')
    .option('--out <dir>', 'where to keep key.pem and cert.pem', 'identity')
    .option('--name <name>', 'a name for people', 'holdfast')
    .option('--force', 'replace an identity that is there; who trusted it must be told the new fingerprint')
    .option('--json', 'print machine-readable lines, the summary last')
    .action(async ({ out, name, force = false, json = false }: CertOptions) => {
      const output = new Output(json);
      const identity = await makeIdentity({ commonName: name });
      await saveIdentity(out, identity, { replace: force });
      const { fingerprint, ski } = identity;
      output.say(`Kept in ${out}: key.pem for you alone, cert.pem for anybody.`);
      output.say(`fingerprint ${fingerprint}\nSKI         ${ski ?? '(none)'}`);
      output.tell({ directory: out, fingerprint, ski });
    });
}
