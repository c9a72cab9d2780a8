import type { Command } from 'commander';
import { saveIdentity } from '../identity/index.js';
import { makeShipIdentity } from '../ship/certificate.js';
import { Output } from './cli-output.js';

interface CertOptions {
  readonly out: string;
  readonly name: string;
  readonly organization?: string;
  readonly country?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function certCommand(program: Command): void {
  program
    .command('cert')
    .description('make an identity: a private key and a self-signed certificate; print what peers know it by')
    .option('--out <dir>', 'where to keep key.pem and cert.pem', 'identity')
    .option('--name <name>', 'a name for people; of a SHIP device its model and serial number, EVSE-0815', 'holdfast')
    .option('--organization <name>', 'the maker, for SHIP devices')
    .option('--country <code>', 'its country in two letters')
    .option('--force', 'replace an identity that is there; who trusted it must be told the new fingerprint')
    .option('--json', 'print machine-readable lines, the summary last')
    .action(async ({ out, name, organization, country, force = false, json = false }: CertOptions) => {
      const output = new Output(json);
      const identity = await makeShipIdentity({
        commonName: name,
        ...(organization === undefined ? {} : { organization }),
        ...(country === undefined ? {} : { country }),
      });
      await saveIdentity(out, identity, { replace: force });
      const { fingerprint, ski } = identity;
      output.say(`Kept in ${out}: key.pem for you alone, cert.pem for anybody.`);
      output.say(`fingerprint ${fingerprint}`);
      output.say(`SKI         ${ski}`);
      output.tell({ directory: out, fingerprint, ski });
    });
}
