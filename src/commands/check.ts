import type { Command } from 'commander';

export function registerCheck(program: Command): void {
  program
    .command('check')
    .summary('say what is wrong with a spec')
    .description('Reads a spec and prints all its problems with their place. Exits 0 when there is no error.')
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--json', 'the problems as one JSON array on standard output')
    .action(async (given: string | undefined, { json }: { readonly json?: boolean }) => {
      const { checkSpec } = await import('./check-spec.ts');
      await checkSpec(given, json === true);
    });
}
