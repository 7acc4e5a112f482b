/**
 * What must turn a cell red. A proof that cannot fail proves nothing, so each has a sabotage: it strikes one cell, and
 * that cell alone has to fail.
 */
import type { LabDisk, LabMachineSpec } from '../engine.ts';
import { seedCredential, seedScript } from '../node-seed.ts';
import type { InstalledComputer } from './computer.ts';
import { fillImage } from './images.ts';
import type { ProofGroup } from './proof.ts';
import type { SabotageName } from './sabotage-names.ts';
import type { Stage } from './stage.ts';

/** Changes a machine of the cell that is struck before it is switched on. */
export type Tamper = (spec: LabMachineSpec, stage: Stage) => Promise<LabMachineSpec>;

export interface Sabotage {
  readonly name: SabotageName;
  /** For people. */
  readonly title: string;
  /** Id of the cell that is struck; undefined when no such cell is wanted. */
  readonly cell: string | undefined;
  readonly tamper: Tamper;
}

interface Deed {
  readonly title: string;
  strikes(id: string, computer: InstalledComputer): boolean;
  readonly tamper: Tamper;
}

const isBios = ({ start }: InstalledComputer): boolean => start.firmware === 'bios';

const DEEDS: Readonly<Record<SabotageName, Deed>> = {
  'grub-erased': {
    title: 'GRUB is erased from the second disk',
    strikes: (id, computer) => isBios(computer) && id.endsWith('/disk-2-alone'),
    // The boot code of the MBR, without the partition table behind it.
    tamper: onDisks((disk, stage) => erase(stage, disk, 0, 440)),
  },
  'esp-on-one-member': {
    title: 'the second disk has no EFI system partition',
    strikes: (id, computer) => !isBios(computer) && id.endsWith('/disk-2-alone'),
    tamper: onDisks((disk, stage) => erase(stage, disk, espStart(stage.computer), MIB)),
  },
  'no-gate': {
    title: 'the agent cannot hold back a shutdown',
    strikes: (id) => id.endsWith('/reboot-before-sync'),
    tamper: seeded('L+ /usr/bin/systemd-inhibit - - - - /bin/false'),
  },
  'lying-step': {
    title: 'a step says that it is done, and is not at the next start',
    strikes: (id) => id.startsWith('second-run/') && id.endsWith('/agent'),
    tamper: seeded(
      'd /usr/lib/slipway/steps/lying 0755 - - -',
      seedScript('/usr/lib/slipway/steps/lying/check', 'test -e /run/lied'),
      seedScript('/usr/lib/slipway/steps/lying/apply', 'touch /run/lied'),
    ),
  },
  'disk-missing': {
    title: 'a disk is gone when the ISO is started again',
    strikes: (id) => id.startsWith('power-cuts/'),
    tamper: async (spec) => ({ ...spec, disks: spec.disks.slice(0, -1) }),
  },
  'undeclared-written': {
    title: 'something writes to the disk that nobody declared',
    strikes: (id) => id.startsWith('undeclared-disks/'),
    tamper: async (spec, stage) => {
      await fillImage(stage.undeclared.file, 300 * MIB, 1, 0x5a);
      return spec;
    },
  },
};

/** The sabotage of this name, aimed at the first of the wanted cells that it can strike. */
export function planSabotage(name: SabotageName, groups: readonly ProofGroup[]): Sabotage {
  const { title, strikes, tamper } = DEEDS[name];
  const struck = groups.flatMap(({ computer, cells }) => cells.filter(({ id }) => strikes(id, computer)));
  return { name, title, cell: struck[0]?.id, tamper };
}

const MIB = 2 ** 20;

/** In bytes. Partitions lie one behind the other, the first one at 1 MiB. */
function espStart({ disks }: InstalledComputer): number {
  const partitions = disks[0]?.partitions ?? [];
  const esp = partitions.findIndex(({ role }) => role === 'esp');
  return partitions.slice(0, esp).reduce((start, { sizeMiB }) => start + sizeMiB * MIB, MIB);
}

function onDisks(harm: (disk: LabDisk, stage: Stage) => Promise<void>): Tamper {
  return async (spec, stage) => {
    for (const disk of spec.disks) await harm(disk, stage);
    return spec;
  };
}

async function erase({ exec }: Stage, { changes }: LabDisk, start: number, length: number): Promise<void> {
  if (changes === undefined) throw new Error('what stays is not to be harmed');
  await exec({
    file: 'qemu-io',
    args: ['-f', 'qcow2', '-c', `write -q -P 0 ${start} ${length}`, changes],
    effect: 'write',
  });
}

/** Lines of tmpfiles.d(5), carried out at each start of the system before its services. */
function seeded(...lines: readonly string[]): Tamper {
  return async (spec) => ({
    ...spec,
    oemStrings: [...(spec.oemStrings ?? []), seedCredential(...lines)],
  });
}
