/**
 * The one gate before a disk: everything the installer changes passes it, and what is written to may only be the disks
 * that the kickstart released, what lies on them, and nothing else below /dev.
 */
import { posix } from 'node:path';
import type { Command } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { incarnation, inSysfs } from '../storage/block-devices.ts';
import { TARGET } from './installation.ts';

export { incarnation };

/** Devices that are no storage. */
const HARMLESS = /^\/dev\/(null|zero|console|tty\w*|stdin|stdout|stderr|fd\/\d+)$/;

/** A disk the kickstart released, as it was when it was judged. */
export interface ReleasedDisk {
  /** As below /dev: `vda`, `cciss/c0d0`. */
  readonly name: string;
  /** What {@link incarnation} said then. */
  readonly incarnation: string;
  /** Partitions on it that stay as they are, as below /dev. */
  readonly kept?: readonly string[];
}

/**
 * The same machine, which rejects with a StepFailure of class `refused-foreign-data` before anything that is not
 * released is written. What scripts of the kickstart do is theirs: only the words of a command can be judged.
 *
 * @param released the disks as they were when the kickstart was judged
 * @param built devices made on them, as the model names them; until they are made they lead nowhere
 */
export function guardedMachine(
  machine: Machine,
  released: readonly ReleasedDisk[],
  built: readonly string[],
): Machine {
  const judge = async (writer: string, words: readonly string[]): Promise<void> => {
    for (const device of words.flatMap(devicesIn))
      await judgeDevice(writer, device, machine, released, built);
  };
  return {
    ...machine,
    async exec(command: Command, onLine) {
      if (command.effect === 'write') await judge(command.file, command.args);
      return machine.exec(command, onLine);
    },
    async hold(command) {
      await judge(command.file, command.args);
      return machine.hold(command);
    },
    async writeFile(path, content, mode) {
      await judge('the installer', [path]);
      return machine.writeFile(path, content, mode);
    },
  };
}

/** Devices that a word names: `/dev/sda`, `of=/dev/sda`, `-n/dev/sda`, and the same below the target. */
function devicesIn(word: string): readonly string[] {
  return word
    .split(/[=,\s]/)
    .map((part) => posix.normalize(part.replace(/^-\w(?=\/)/, '')))
    .map((path) => (path.startsWith(`${TARGET}/`) ? path.slice(TARGET.length) : path))
    .filter((path) => path.startsWith('/dev/') && !HARMLESS.test(path));
}

async function judgeDevice(
  writer: string,
  device: string,
  machine: Machine,
  released: readonly ReleasedDisk[],
  built: readonly string[],
): Promise<void> {
  const real = await machine.realPath(device);
  if (real === undefined && built.includes(device)) return;
  for (const name of await lowestDevices(machine, (real ?? device).slice('/dev/'.length))) {
    const disk = released.find((one) => name === one.name || isPartitionOf(name, one.name));
    if (disk === undefined) {
      const place = device === `/dev/${name}` ? device : `${device}, that is ${name}`;
      throw new StepFailure(
        'refused-foreign-data',
        `${writer} was about to write to ${place}, which the kickstart does not release`,
      );
    }
    if (disk.kept?.includes(name) === true) {
      throw new StepFailure(
        'refused-foreign-data',
        `${writer} was about to write to ${name}, which the kickstart leaves as it is`,
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

/** The disks and partitions below an array or a logical volume; a disk or a partition is its own. */
async function lowestDevices(machine: Machine, name: string): Promise<readonly string[]> {
  const below = await machine.list(`/sys/block/${inSysfs(name)}/slaves`);
  if (below.length === 0) return [name];
  const lowest = await Promise.all(below.map((one) => lowestDevices(machine, one.replaceAll('!', '/'))));
  return lowest.flat();
}

/** `vda2` of `vda`, `nvme0n1p2` of `nvme0n1`; `nvme0n10` is a disk of its own. */
export function isPartitionOf(device: string, disk: string): boolean {
  const number = /\d$/.test(disk) ? /^p\d+$/ : /^\d+$/;
  return device.startsWith(disk) && number.test(device.slice(disk.length));
}
