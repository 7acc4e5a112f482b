import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';
import type { ModelLogicalVolume } from '../model.ts';

/** Makes volume groups and their logical volumes. */
export const createVolumeGroups: Step<Installation> = {
  id: 'create-volume-groups',
  title: 'Create the volume groups',
  after: ['create-arrays'],
  async check(machine, { model }) {
    for (const group of model.volumeGroups) {
      const lies = await realPaths(machine, await ask(machine, 'vgs', 'pv_name', group.name));
      const wanted = await realPaths(machine, group.physicalVolumes);
      // A group of this name on other disks is somebody else's.
      if (lies.join() !== wanted.join()) {
        return { done: false, why: `${group.name} lies on ${lies.join(', ') || 'nothing'}` };
      }
      const have = await ask(machine, 'lvs', 'lv_name', group.name);
      const missing = group.volumes.find(({ name }) => !have.includes(name));
      if (missing !== undefined) return { done: false, why: `there is no ${missing.device}` };
    }
    return { done: true, evidence: { groups: model.volumeGroups.map(({ name }) => name) } };
  },
  async apply(machine, { model }) {
    for (const group of model.volumeGroups) {
      for (const device of group.physicalVolumes) {
        await machine.exec({
          file: 'pvcreate',
          args: ['--quiet', '--yes', '--force', device],
          effect: 'write',
        });
      }
      await machine.exec({
        file: 'vgcreate',
        args: ['--quiet', '--yes', group.name, ...group.physicalVolumes],
        effect: 'write',
      });
      // The growing one last, when all the others have what they need.
      for (const volume of group.volumes.toSorted((a, b) => Number(a.grow) - Number(b.grow))) {
        const free = volume.maxSizeMiB === undefined ? 0 : await freeMiB(machine, group.name);
        await machine.exec({
          file: 'lvcreate',
          args: [
            '--quiet',
            '--yes',
            '--wipesignatures=y',
            ...sizeArguments(volume, free),
            '--name',
            volume.name,
            group.name,
          ],
          effect: 'write',
        });
      }
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  },
};

/** @param freeMiB what the group has left; asked for only when the volume grows up to a maximum */
export function sizeArguments(
  { sizeMiB, grow, maxSizeMiB }: ModelLogicalVolume,
  freeMiB: number,
): readonly string[] {
  if (!grow) return ['--size', `${sizeMiB}m`];
  return maxSizeMiB !== undefined && maxSizeMiB < freeMiB
    ? ['--size', `${maxSizeMiB}m`]
    : ['--extents', '100%FREE'];
}

async function freeMiB(machine: Machine, group: string): Promise<number> {
  const { stdout } = await machine.exec({
    file: 'vgs',
    args: ['--noheadings', '--nosuffix', '--units', 'm', '--options', 'vg_free', group],
    effect: 'read',
  });
  return Number(stdout.trim());
}

async function ask(machine: Machine, file: string, field: string, group: string): Promise<readonly string[]> {
  const { stdout } = await machine.exec({
    file,
    args: ['--noheadings', '--options', field, group],
    effect: 'read',
    // 5 is what LVM answers when there is no such group.
    accept: [0, 5],
  });
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Devices by the kernel's names, sorted: LVM says /dev/md127 where the model says /dev/md/system. */
async function realPaths(machine: Machine, devices: readonly string[]): Promise<readonly string[]> {
  const paths = await Promise.all(devices.map(async (device) => (await machine.realPath(device)) ?? device));
  return paths.sort();
}
