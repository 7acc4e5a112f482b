import type { Command } from 'commander';

export function registerSchema(program: Command): void {
  program
    .command('schema')
    .summary("print the spec's JSON Schema, for editors")
    .description(
      'Prints the JSON Schema of the spec. Editors with a YAML language server take it from a first line like ' +
        '`# yaml-language-server: $schema=./cluster.schema.json`.',
    )
    .option('--markdown', 'the reference of every key instead (docs/spec.md)')
    .action(async ({ markdown }: { readonly markdown?: boolean }) => {
      const { schemaText, specReference } = await import('../spec/reference.ts');
      process.stdout.write(markdown === true ? specReference() : schemaText());
    });
}
