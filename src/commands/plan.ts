import type { Command } from 'commander';

export interface PlanOptions {
  readonly json?: boolean;
  readonly svg?: string;
}

export function registerPlan(program: Command): void {
  program
    .command('plan')
    .summary('show what follows from a spec')
    .description('Prints nodes, disks, partitions, arrays, addresses and steps. Touches nothing but FILE.')
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--json', 'the plan as JSON on standard output')
    .option('--svg <FILE>', 'draw every disk into an SVG file')
    .action(async (given: string | undefined, options: PlanOptions) => {
      const { showPlan } = await import('./show-plan.ts');
      await showPlan(given, options);
    });
}
