import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDiskSizes } from '../kickstart/lint/disk-sizes.ts';

export interface PlanOptions {
  readonly json?: boolean;
  readonly svg?: string;
}

interface GivenOptions extends PlanOptions {
  readonly kickstart?: string;
  readonly disks: readonly number[];
  readonly firmware: 'bios' | 'uefi';
}

/** MiB: two disks of 10 GiB. */
const USUAL_DISKS = [10_240, 10_240];

export function registerPlan(program: Command): void {
  program
    .command('plan')
    .summary('show what follows from a spec')
    .description('Prints nodes, disks, partitions, arrays, addresses and steps. Touches nothing but FILE.')
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .option('--json', 'the plan as JSON on standard output')
    .option('--svg <FILE>', 'draw every disk into an SVG file')
    .option('--kickstart <FILE>', 'show what the embedded installer makes of the storage of this kickstart')
    .option('--disks <SIZES>', 'empty disks for --kickstart, for example 2x10G', diskSizes, USUAL_DISKS)
    .addOption(
      new Option('--firmware <NAME>', 'what the machine of --kickstart starts by')
        .choices(['bios', 'uefi'])
        .default('uefi'),
    )
    .action(async (given: string | undefined, options: GivenOptions) => {
      if (options.kickstart !== undefined) {
        const { planKickstart } = await import('./plan-kickstart.ts');
        await planKickstart(options.kickstart, options);
        return;
      }
      const { showPlan } = await import('./show-plan.ts');
      await showPlan(given, options);
    });
}

function diskSizes(text: string): readonly number[] {
  const sizes = parseDiskSizes(text);
  if (sizes === undefined) throw new InvalidArgumentError('Write sizes such as 500G, 2x500G or 500G,1T.');
  return sizes;
}
