import type { Command } from 'commander';

/** What `slipway diff` was asked for, as commander hands it over. */
export interface DiffCommandOptions {
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

export function registerDiff(program: Command): void {
  program
    .command('diff')
    .summary('say what differs between two ISOs')
    .description(
      'Compares two ISOs by file, also inside their EFI images, and by what each way to boot reads and does: + added, ' +
        '- removed, ~ other content, m other attributes.',
    )
    .argument('<A>', 'an ISO')
    .argument('<B>', 'another one')
    .option('--exit-code', 'exit 3 when they differ')
    .option('--json', 'the differences as JSON on standard output')
    .action(async (a: string, b: string, options: DiffCommandOptions) => {
      const { diffIsos } = await import('./diff-isos.ts');
      await diffIsos(a, b, options);
    });
}
