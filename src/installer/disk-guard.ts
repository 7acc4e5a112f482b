/**
 * The one gate before a disk: every command of the installer passes it, and a command that writes may name only the
 * disks the kickstart released, what lies on them, and nothing else below /dev.
 */
import type { Command, Exec } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { type Disk, readDisks } from '../storage/block-devices.ts';

/** Devices that are no storage. */
const HARMLESS = /^\/dev\/(null|zero|console|tty\w*|stdin|stdout|stderr|fd\/\d+)$/;

/** What makes a disk the same disk: a name can pass to another one when a cable is moved. */
const identityOf = (disk: Disk): string => [disk.serial ?? '', disk.wwn ?? '', disk.sizeBytes].join('|');

/**
 * An Exec that refuses what is not released.
 * @param released the disks as they were when the kickstart was judged
 * @param built devices made on them: arrays and logical volumes, as the model names them
 */
export function guardedExec(
  exec: Exec,
  machine: Machine,
  released: readonly Disk[],
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
  released: readonly Disk[],
  built: readonly string[],
): Promise<void> {
  const named = command.args.flatMap((word) => /(?:^|=)(\/dev\/.+)$/.exec(word)?.[1] ?? []);
  const devices = named.filter((device) => !HARMLESS.test(device) && !built.includes(device));
  if (devices.length === 0) return;
  const now = await readDisks(machine);
  for (const device of devices) {
    const disk = released.find(({ path }) => device === path || isPartitionOf(device, path));
    if (disk === undefined) {
      throw new StepFailure(
        'refused-foreign-data',
        `${command.file} was about to write to ${device}, which the kickstart does not release`,
      );
    }
    const current = now.find(({ path }) => path === disk.path);
    if (current === undefined || identityOf(current) !== identityOf(disk)) {
      throw new StepFailure(
        'refused-foreign-data',
        `${disk.path} is no longer the disk it was when the installation began`,
        'look at cables and controllers, then start the installation again',
      );
    }
  }
}

function isPartitionOf(device: string, disk: string): boolean {
  return device.startsWith(disk) && /^p?\d+$/.test(device.slice(disk.length));
}
