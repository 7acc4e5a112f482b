import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';

/** Makes volume groups and their logical volumes. */
export const createVolumeGroups: Step<Installation> = {
  id: 'create-volume-groups',
  title: 'Create the volume groups',
  after: ['create-arrays'],
  async check(machine, { model }) {
    for (const group of model.volumeGroups) {
      const { stdout } = await machine.exec({
        file: 'lvs',
        args: ['--noheadings', '--options', 'lv_name', group.name],
        effect: 'read',
        // 5 is what LVM answers when there is no such group.
        accept: [0, 5],
      });
      const have = stdout.split('\n').map((line) => line.trim());
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
        const size = volume.grow ? ['--extents', '100%FREE'] : ['--size', `${volume.sizeMiB}m`];
        await machine.exec({
          file: 'lvcreate',
          args: ['--quiet', '--yes', '--wipesignatures=y', ...size, '--name', volume.name, group.name],
          effect: 'write',
        });
      }
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  },
};
