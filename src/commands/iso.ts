import type { Command } from 'commander';

/** What `slipway iso` was asked for, as commander hands it over. */
export interface IsoOptions {
  readonly base?: string;
  readonly checkMedium?: boolean;
  readonly out: string;
  readonly work?: string;
  readonly sign?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function registerIso(program: Command): void {
  program
    .command('iso')
    .summary('build the install ISO of a cluster')
    .description(
      'Builds OUT/<cluster>.iso with its manifest and checksum. What has not changed is not built again.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--base <ISO>', "a vendor's install medium instead of the embedded base")
    .option('--check-medium', "on a vendor's medium: the installer of a node checks the medium first")
    .option('--out <DIR>', 'where the results go', 'dist')
    .option('--work <DIR>', 'where the ISO is written first; default OUT')
    .option('--sign <KEY>', 'sign packages and repository with this key of gpg')
    .option('--json', 'one JSON object per event on standard output')
    .option('--dry-run', 'print the commands that would change something instead of running them')
    .action(async (spec: string | undefined, options: IsoOptions) => {
      const { buildIso } = await import('./iso-pipeline.ts');
      await buildIso(spec, options);
    });
}
