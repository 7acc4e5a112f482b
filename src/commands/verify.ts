import type { Command } from 'commander';

/** What `slipway verify` was asked for, as commander hands it over. */
export interface VerifyCommandOptions {
  readonly manifest?: string;
  readonly json?: boolean;
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .summary('compare an ISO with its manifest, file by file')
    .description(
      'Reads an ISO that slipway built, or a stick or disc it was written to, and compares every file with the ' +
        'manifest beside the ISO, else with the one on it. Exits 3 when anything differs.',
    )
    .argument('<ISO>', 'the image, or a device that holds one')
    .option('--manifest <FILE>', 'the manifest to compare with')
    .option('--json', 'the result as JSON on standard output')
    .action(async (iso: string, options: VerifyCommandOptions) => {
      const { verifyIso } = await import('./verify-iso.ts');
      await verifyIso(iso, options);
    });
}
