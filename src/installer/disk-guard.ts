/**
 * The one gate before a disk: every command of the installer passes it, and a command that writes may name only the
 * disks the kickstart released, what lies on them, and nothing else below /dev.
 */
import type { Command, Exec } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';

/** Devices that are no storage. */
const HARMLESS = /^\/dev\/(null|zero|console|tty\w*|stdin|stdout|stderr|fd\/\d+)$/;

/** A disk the kickstart released, as it was when it was judged. */
export interface ReleasedDisk {
  /** `vda` */
  readonly name: string;
  /** What {@link incarnation} said then. */
  readonly incarnation: string;
}

/**
 * Tells a disk from another one that got its name because a cable was moved: the kernel numbers disks as they appear
 * and never twice (`diskseq`, Linux 5.15), and size and serial number stand beside it.
 */
export async function incarnation(machine: Machine, name: string): Promise<string> {
  const read = async (file: string): Promise<string> =>
    ((await machine.readFile(`/sys/block/${name}/${file}`)) ?? '').trim();
  return [await read('diskseq'), await read('size'), await read('serial')].join('|');
}

/**
 * An Exec that refuses what is not released.
 * @param released the disks as they were when the kickstart was judged
 * @param built devices made on them: arrays and logical volumes, as the model names them
 */
export function guardedExec(
  exec: Exec,
  machine: Machine,
  released: readonly ReleasedDisk[],
  built: readonly string[],
): Exec {
  return async (command, onLine) => {
    if (command.effect === 'write') await judge(command, machine, released, built);
    return exec(command, onLine);
  };
}

async function judge(
  command: Command,
  machine: Machine,
  released: readonly ReleasedDisk[],
  built: readonly string[],
): Promise<void> {
  const named = command.args.flatMap((word) => /(?:^|=)(\/dev\/.+)$/.exec(word)?.[1] ?? []);
  const devices = named.filter((device) => !HARMLESS.test(device) && !built.includes(device));
  if (devices.length === 0) return;
  for (const device of devices) {
    const disk = released.find(
      ({ name }) => device === `/dev/${name}` || isPartitionOf(device, `/dev/${name}`),
    );
    if (disk === undefined) {
      throw new StepFailure(
        'refused-foreign-data',
        `${command.file} was about to write to ${device}, which the kickstart does not release`,
      );
    }
    if ((await incarnation(machine, disk.name)) !== disk.incarnation) {
      throw new StepFailure(
        'refused-foreign-data',
        `${disk.name} is no longer the disk it was when the installation began`,
        'look at cables and controllers, then start the installation again',
      );
    }
  }
}

function isPartitionOf(device: string, disk: string): boolean {
  return device.startsWith(disk) && /^p?\d+$/.test(device.slice(disk.length));
}
