import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';
import { type LvmRow, readLvm, realPaths } from '../lvm-report.ts';
import type { ModelVolumeGroup } from '../model.ts';
import { cachePoolName, groupCommands, type SizedVolume, volumeCommands } from '../volume-commands.ts';
import { extentOf, sizeVolumes } from '../volume-sizes.ts';

/** Makes volume groups and their logical volumes, and changes the size of those that were there. */
export const createVolumeGroups: Step<Installation> = {
  id: 'create-volume-groups',
  title: 'Create the volume groups',
  after: ['encrypt-arrays'],
  timeoutSeconds: 1800,
  async check(machine, { model }) {
    for (const group of model.volumeGroups) {
      const why = await difference(machine, group);
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { groups: model.volumeGroups.map(({ name }) => name) } };
  },
  async apply(machine, { model }, say) {
    for (const group of model.volumeGroups) {
      for (const command of groupCommands(group)) await machine.exec(command);
      const rows = await readLvm(machine, 'vgs', ['vg_extent_count', 'pv_name', 'pv_pe_count'], group.name);
      const extents = Number(rows[0]?.vg_extent_count ?? 0);
      const { volumes, needed } = sized(group, extents);
      if (volumes === undefined) {
        throw new StepFailure(
          'verify-failed',
          `${group.name} has ${extents} extents, its volumes need ${needed}`,
        );
      }
      for (const command of volumeCommands(group, volumes, await freeExtents(machine, group, rows))) {
        await machine.exec(command);
      }
      say(`${group.name}: ${group.volumes.map(({ name }) => name).join(', ') || 'no volumes'}`);
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  },
};

/** The group's volumes with what each is to have. */
function sized(
  group: ModelVolumeGroup,
  extents: number,
): { readonly volumes: readonly SizedVolume[] | undefined; readonly needed: number } {
  const { volumes, needed } = sizeVolumes(group, extents);
  const pairs = group.volumes.flatMap((volume, index) => {
    const size = volumes?.[index];
    return size === undefined ? [] : [{ volume, ...size }];
  });
  return { volumes: volumes === undefined ? undefined : pairs, needed };
}

/** What the physical volumes of a new group have, by their names in the model. */
async function freeExtents(
  machine: Machine,
  { physicalVolumes }: ModelVolumeGroup,
  rows: readonly LvmRow[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const [real] = await realPaths(machine, [row.pv_name ?? '']);
    for (const device of physicalVolumes) {
      const [own] = await realPaths(machine, [device]);
      if (own === real) counts.set(device, Number(row.pv_pe_count ?? 0));
    }
  }
  return counts;
}

const VOLUME_FIELDS = [
  'lv_name',
  'lv_size',
  'segtype',
  'pool_lv',
  'lv_metadata_size',
  'chunk_size',
  'cache_mode',
];

async function difference(machine: Machine, group: ModelVolumeGroup): Promise<string | undefined> {
  const rows = await readLvm(machine, 'vgs', ['vg_extent_count', 'pv_name'], group.name);
  const lies = await realPaths(
    machine,
    rows.flatMap(({ pv_name }) => pv_name ?? []),
  );
  const wanted = await realPaths(machine, group.physicalVolumes);
  // A group of this name on other disks is somebody else's.
  if (lies.join() !== wanted.join()) return `${group.name} lies on ${lies.join(', ') || 'nothing'}`;
  const { volumes } = sized(group, Number(rows[0]?.vg_extent_count ?? 0));
  const have = await readLvm(machine, 'lvs', VOLUME_FIELDS, group.name);
  for (const one of volumes ?? []) {
    const why = volumeDifference(group, one, have) ?? (await activeDifference(machine, one));
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Names of volumes that people do not see stand in brackets. */
const plain = (name = ''): string => name.replace(/^\[(.*)\]$/, '$1');

function volumeDifference(
  group: ModelVolumeGroup,
  { volume, extents, metadata, cache }: SizedVolume,
  rows: readonly LvmRow[],
): string | undefined {
  const { name, device, segment, existing } = volume;
  const find = (wanted: string): LvmRow | undefined => rows.find(({ lv_name }) => plain(lv_name) === wanted);
  const row = find(name);
  if (row === undefined) return `there is no ${device}`;
  const inKiB = (count: number): number => count * extentOf(group);
  const sizeOf = (value: string | undefined): number => Number(value ?? 0);
  if (sizeOf(row.lv_size) !== inKiB(extents)) {
    return `${device} has ${sizeOf(row.lv_size)} KiB, ${inKiB(extents)} are wanted`;
  }
  if (existing !== undefined) return undefined;
  const type = segment.type === 'linear' && segment.cache !== undefined ? 'cache' : segment.type;
  if (row.segtype !== type) return `${device} is of type ${row.segtype}, not ${type}`;
  switch (segment.type) {
    case 'thin':
      return plain(row.pool_lv) === segment.pool ? undefined : `${device} lies in ${plain(row.pool_lv)}`;
    case 'thin-pool':
      if (sizeOf(row.lv_metadata_size) !== inKiB(metadata)) {
        return `${device} has ${sizeOf(row.lv_metadata_size)} KiB of metadata, ${inKiB(metadata)} are wanted`;
      }
      if (segment.chunkKiB !== undefined && sizeOf(row.chunk_size) !== segment.chunkKiB) {
        return `${device} has chunks of ${sizeOf(row.chunk_size)} KiB, ${segment.chunkKiB} are wanted`;
      }
      return undefined;
    case 'linear': {
      if (segment.cache === undefined) return undefined;
      const pool = find(plain(row.pool_lv));
      if (!plain(row.pool_lv).startsWith(cachePoolName(volume)) || sizeOf(pool?.lv_size) !== inKiB(cache)) {
        return `${device} has a cache of ${sizeOf(pool?.lv_size)} KiB, ${inKiB(cache)} are wanted`;
      }
      if (row.cache_mode !== segment.cache.mode) return `${device} has a cache for ${row.cache_mode}`;
      return undefined;
    }
  }
}

/** A volume that was there may still sleep. */
async function activeDifference(
  machine: Machine,
  { volume: { device, segment, existing } }: SizedVolume,
): Promise<string | undefined> {
  if (existing === undefined || segment.type === 'thin-pool') return undefined;
  return (await machine.exists(device)) ? undefined : `${device} is not active`;
}
