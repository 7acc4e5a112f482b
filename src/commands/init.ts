import type { Command } from 'commander';

export interface InitOptions {
  readonly yes?: boolean;
  readonly dir: string;
  /** A step of one's own instead of a spec. */
  readonly step?: string;
}

export function registerInit(program: Command): void {
  program
    .command('init')
    .summary('write a commented cluster.yaml, or a step of your own')
    .description('Asks what it must and writes cluster.yaml. Never overwrites one.')
    .option('--step <NAME>', 'write steps/NAME instead: check, apply and step.yaml')
    .option('--yes', 'ask nothing and take the defaults; so it does without a terminal')
    .option('--dir <DIR>', 'where to write it', '.')
    .action(async (options: InitOptions) => {
      if (options.step !== undefined) {
        const { initStep } = await import('./init-step.ts');
        return initStep(options.step, options.dir);
      }
      const { initSpec } = await import('./init-spec.ts');
      await initSpec(options);
    });
}
