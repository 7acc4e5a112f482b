import type { Command } from 'commander';

/** What `slipway write` was asked for, as commander hands it over. */
export interface WriteCommandOptions {
  readonly yesIMean?: string;
}

export function registerWrite(program: Command): void {
  program
    .command('write')
    .summary('write an ISO to a USB stick or burn it')
    .description(
      'Overwrites DEVICE, a whole removable disk, with an ISO, flushes it, reads it back and compares. A blank disc in ' +
        'an optical drive is burned. Refuses disks that are in use, and those that do not call themselves removable.',
    )
    .argument('<ISO>', 'the image')
    .argument('<DEVICE>', 'the disk or drive, such as /dev/sdb or a name below /dev/disk/by-id')
    .option('--yes-i-mean <SERIAL>', 'serial number of a disk that is meant although it is not removable')
    .action(async (iso: string, device: string, options: WriteCommandOptions) => {
      const { writeIso } = await import('./write-iso.ts');
      await writeIso(iso, device, options);
    });
}
