/** What LVM says about a group, in its own fields. */
import type { Machine } from '../engine/machine.ts';

/** A line of a report by the names of its fields; sizes are in KiB, empty fields are left out. */
export type LvmRow = Readonly<Record<string, string | undefined>>;

/** @param file `vgs` or `lvs`; no lines where there is no such group */
export async function readLvm(
  machine: Machine,
  file: 'vgs' | 'lvs',
  fields: readonly string[],
  group: string,
): Promise<readonly LvmRow[]> {
  const { stdout } = await machine.exec({
    file,
    args: [
      ...['--noheadings', '--nosuffix', '--units', 'k', '--separator', '|'],
      ...(file === 'lvs' ? ['--all'] : []),
      ...['--options', fields.join(), group],
    ],
    effect: 'read',
    // 5 is what LVM answers when there is no such group.
    accept: [0, 5],
  });
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('|');
      return Object.fromEntries(
        fields.flatMap((field, index) => (values[index] ? [[field, values[index]]] : [])),
      );
    });
}

/** Devices by the kernel's names, sorted: LVM says /dev/md127 where the model says /dev/md/system. */
export async function realPaths(machine: Machine, devices: readonly string[]): Promise<readonly string[]> {
  const paths = await Promise.all(devices.map(async (device) => (await machine.realPath(device)) ?? device));
  return paths.sort();
}
