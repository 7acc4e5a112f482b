import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DiskBus } from '../lab/engine.ts';
import { SABOTAGES, type SabotageName } from '../lab/prove/sabotage-names.ts';
import type { Usage } from './lab.ts';
import { type UiOptions, uiOption, uiPortOption } from './ui-options.ts';

export interface LabProveOptions extends UiOptions {
  readonly only?: readonly string[];
  readonly jobs?: number;
  readonly list?: boolean;
  readonly sabotage?: readonly SabotageName[];
  readonly bus?: DiskBus;
  /** Where the report goes. */
  readonly out: string;
}

export function registerLabProve(lab: Command, usageOf: (command: Command) => Usage): void {
  lab
    .command('prove')
    .summary('prove the ISO on virtual machines, cell by cell')
    .description(
      'Installs by every firmware and medium, starts the node from each disk alone, replaces disks, cuts the power, and writes down what was seen: DIR/index.html, junit.xml, run.json. Exits 3 when a cell has failed.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--only <PATTERN...>', 'these cells and those they start from: boot-matrix/uefi-*')
    .option('--jobs <N>', 'machines at a time; default as many as the cores allow', jobCount)
    .option('--list', 'print the cells, start nothing')
    .addOption(
      new Option(
        '--sabotage <NAME...>',
        'do harm, each kind of which must turn exactly one cell red',
      ).choices([...SABOTAGES]),
    )
    .addOption(
      new Option('--bus <NAME>', 'controller of disks that the spec leaves open').choices([
        'virtio',
        'sata',
        'scsi',
        'nvme',
      ]),
    )
    .addOption(uiOption('the report as it grows'))
    .addOption(uiPortOption())
    .option('--out <DIR>', 'where the report goes', 'dist/report')
    .action(async (given: string | undefined, options: LabProveOptions, command: Command) =>
      (await import('./run-proofs.ts')).runProofs(given, options, usageOf(command)),
    );
}

function jobCount(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('Write a number from 1 to 99.');
  return Number(text);
}
