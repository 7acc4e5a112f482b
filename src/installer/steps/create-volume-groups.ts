import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';
import type { ModelVolumeGroup } from '../model.ts';
import { extentOf, sizeVolumes } from '../volume-sizes.ts';

/** Makes volume groups and their logical volumes. */
export const createVolumeGroups: Step<Installation> = {
  id: 'create-volume-groups',
  title: 'Create the volume groups',
  after: ['encrypt-arrays'],
  async check(machine, { model }) {
    for (const group of model.volumeGroups) {
      const why = await difference(machine, group);
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { groups: model.volumeGroups.map(({ name }) => name) } };
  },
  async apply(machine, { model }, say) {
    for (const group of model.volumeGroups) {
      for (const device of group.physicalVolumes) {
        await machine.exec({
          file: 'pvcreate',
          args: ['--quiet', '--yes', '--force', device],
          effect: 'write',
        });
      }
      const extent = group.extentKiB === undefined ? [] : ['--physicalextentsize', `${group.extentKiB}k`];
      await machine.exec({
        file: 'vgcreate',
        args: ['--quiet', '--yes', ...extent, group.name, ...group.physicalVolumes],
        effect: 'write',
      });
      const { extents } = await readGroup(machine, group);
      const sizes = sizeVolumes(group, extents);
      if (sizes.extents === undefined) {
        throw new StepFailure(
          'verify-failed',
          `${group.name} has ${extents} extents, its volumes need ${sizes.needed}`,
        );
      }
      for (const [index, { name }] of group.volumes.entries()) {
        say(`${group.name}/${name}`);
        await machine.exec({
          file: 'lvcreate',
          args: createArguments(group.name, name, sizes.extents[index] ?? 0),
          effect: 'write',
        });
      }
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  },
};

/** The arguments of `lvcreate` for a volume of so many extents. */
export const createArguments = (group: string, name: string, extents: number): readonly string[] => [
  ...['--quiet', '--yes', '--wipesignatures=y'],
  ...['--extents', String(extents), '--name', name, group],
];

async function difference(machine: Machine, group: ModelVolumeGroup): Promise<string | undefined> {
  const { extents, volumes } = await readGroup(machine, group);
  const lies = await realPaths(machine, volumes);
  const wanted = await realPaths(machine, group.physicalVolumes);
  // A group of this name on other disks is somebody else's.
  if (lies.join() !== wanted.join()) return `${group.name} lies on ${lies.join(', ') || 'nothing'}`;
  const rows = await ask(machine, 'lvs', ['lv_name', 'lv_size'], group.name);
  const have = new Map(rows.map(([name = '', size = '']) => [name, Number(size)]));
  const sizes = sizeVolumes(group, extents).extents;
  for (const [index, { name, device }] of group.volumes.entries()) {
    const size = have.get(name);
    if (size === undefined) return `there is no ${device}`;
    const want = (sizes?.[index] ?? 0) * extentOf(group);
    if (size !== want) return `${device} has ${size} KiB, ${want} are wanted`;
  }
  return undefined;
}

/** What a group is made of; nothing and no extents where there is none. */
async function readGroup(
  machine: Machine,
  { name }: ModelVolumeGroup,
): Promise<{ readonly extents: number; readonly volumes: readonly string[] }> {
  const rows = await ask(machine, 'vgs', ['vg_extent_count', 'pv_name'], name);
  return { extents: Number(rows[0]?.[0] ?? 0), volumes: rows.flatMap(([, volume]) => volume ?? []) };
}

/** Fields of a report, a row each; sizes in KiB. */
async function ask(
  machine: Machine,
  file: string,
  fields: readonly string[],
  group: string,
): Promise<readonly (readonly string[])[]> {
  const { stdout } = await machine.exec({
    file,
    args: [...['--noheadings', '--nosuffix', '--units', 'k', '--options'], fields.join(), group],
    effect: 'read',
    // 5 is what LVM answers when there is no such group.
    accept: [0, 5],
  });
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/));
}

/** Devices by the kernel's names, sorted: LVM says /dev/md127 where the model says /dev/md/system. */
async function realPaths(machine: Machine, devices: readonly string[]): Promise<readonly string[]> {
  const paths = await Promise.all(devices.map(async (device) => (await machine.realPath(device)) ?? device));
  return paths.sort();
}
