import type { Command } from 'commander';

export interface InitOptions {
  readonly yes?: boolean;
  readonly dir: string;
}

export function registerInit(program: Command): void {
  program
    .command('init')
    .summary('write a commented cluster.yaml')
    .description('Asks what it must and writes cluster.yaml. Never overwrites one.')
    .option('--yes', 'ask nothing and take the defaults; so it does without a terminal')
    .option('--dir <DIR>', 'where to write it', '.')
    .action(async (options: InitOptions) => {
      const { initSpec } = await import('./init-spec.ts');
      await initSpec(options);
    });
}
