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
    .description('creates an identity (a private key and a self-signed certificate) and prints its fingerprint')
    .option('--out <dir>', 'the directory for key.pem and cert.pem', 'identity')
    .option(
      '--name <name>',
      'the name in the certificate; for SHIP devices the model and serial number, e.g. EVSE-0815',
      'holdfast',
    )
    .option('--organization <name>', 'the manufacturer, for SHIP devices')
    .option('--country <code>', 'the country of the manufacturer, two letters')
    .option('--force', 'replace an existing identity; peers that trusted it need the new fingerprint')
    .option('--json', 'print one JSON object per line, the summary last')
    .action(async ({ out, name, organization, country, force = false, json = false }: CertOptions) => {
      const output = new Output(json);
      const identity = await makeShipIdentity({
        commonName: name,
        ...(organization === undefined ? {} : { organization }),
        ...(country === undefined ? {} : { country }),
      });
      await saveIdentity(out, identity, { replace: force });
      const { fingerprint, ski } = identity;
      output.say(`Written to ${out}: key.pem (keep it secret) and cert.pem (public).`);
      output.say(`fingerprint ${fingerprint}`);
      output.say(`SKI         ${ski}`);
      output.tell({ directory: out, fingerprint, ski });
    });
}
