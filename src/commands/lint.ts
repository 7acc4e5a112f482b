import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDiskSizes } from '../kickstart/lint/disk-sizes.ts';
import type { LintCommandOptions } from './lint-files.ts';

const RELEASES = [
  'rhel8',
  'rhel9',
  'rhel10',
  'fedora41',
  'fedora42',
  'fedora43',
  'fedora44',
  'embedded',
] as const;

export function registerLint(program: Command): void {
  program
    .command('lint')
    .summary('say what is wrong with kickstarts')
    .description(
      'Judges kickstarts as ksvalidator does, and beyond it: layouts that do not boot, sizes that do not fit, scripts ' +
        'that forget failures. Every rule is explained in docs/rules.md. Exits 1 when there is an error.',
    )
    .argument('<FILE...>', 'the kickstarts')
    .addOption(new Option('--for <RELEASE>', 'the installer they are for').choices(RELEASES).default('rhel9'))
    .option('--disks <SIZES>', "the machine's disks, for example 2x500G or 500G,1T", diskSizes)
    .addOption(
      new Option(
        '--shell <WHEN>',
        'ask shellcheck about the scripts; auto: when it is there, for up to 20 files',
      )
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .option('--json', 'the problems of all files as one JSON array on standard output')
    .action(async (files: readonly string[], options: LintCommandOptions) => {
      const { lintFiles } = await import('./lint-files.ts');
      await lintFiles(files, options);
    });
}

function diskSizes(text: string): readonly number[] {
  const sizes = parseDiskSizes(text);
  if (sizes === undefined) throw new InvalidArgumentError('Write sizes such as 500G, 2x500G or 500G,1T.');
  return sizes;
}
