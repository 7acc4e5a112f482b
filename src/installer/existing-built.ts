/**
 * What is built on the disks and goes on being used: the arrays and volume groups that a kickstart names with
 * `--useexisting` or `--noformat`. Everything else stays asleep; these are woken, arrays read-only, to be looked at.
 */
import type { Machine } from '../engine/machine.ts';
import type { CommandLine } from '../kickstart/types.ts';
import type { Disk } from '../storage/block-devices.ts';
import { SECTOR_BYTES } from '../storage/gpt.ts';
import { type ArrayState, readArrays } from '../storage/md.ts';
import { readMdSuperblock } from '../storage/md-superblock.ts';
import { signatureAt } from './existing-signature.ts';
import { readLvm } from './lvm-report.ts';
import { arrayDevice, arrayName } from './model-arrays.ts';
import { reuses, targetOf } from './model-contents.ts';
import type { ExistingArray, ExistingVolume, ExistingVolumeGroup } from './storage-facts.ts';

export interface Built {
  readonly arrays: readonly ExistingArray[];
  readonly groups: readonly ExistingVolumeGroup[];
  /** Kernel names of these arrays, and of the volumes of these groups. */
  readonly devices: ReadonlySet<string>;
}

/** @param inUse devices that are mounted or the like → what for */
export async function readBuilt(
  machine: Machine,
  commands: readonly CommandLine[],
  disks: readonly Disk[],
  inUse: ReadonlyMap<string, string>,
): Promise<Built> {
  const named = (command: string, nameOf: (one: CommandLine) => string): readonly string[] =>
    commands.filter((one) => one.name === command && reuses(one)).map(nameOf);
  const uses = new Map<string, string>();
  for (const [path, use] of inUse) uses.set((await machine.realPath(path)) ?? path, `${path} ${use}`);

  const arrays: ExistingArray[] = [];
  for (const name of named('raid', arrayName)) {
    const found = await findArray(machine, name, disks, uses);
    if (found !== undefined) arrays.push(found);
  }
  const groups: ExistingVolumeGroup[] = [];
  const devices = new Set(arrays.map(({ device }) => device.slice('/dev/'.length)));
  for (const name of new Set(named('volgroup', targetOf))) {
    const found = await findGroup(machine, name, uses);
    if (found === undefined) continue;
    groups.push(found.group);
    for (const device of found.devices) devices.add(device);
  }
  return { arrays, groups, devices };
}

async function findArray(
  machine: Machine,
  name: string,
  disks: readonly Disk[],
  uses: ReadonlyMap<string, string>,
): Promise<ExistingArray | undefined> {
  const running = async (): Promise<ArrayState | undefined> =>
    (await readArrays(machine)).find((array) => array.name === name && array.arrayState !== 'inactive');
  let found = await running();
  if (found === undefined) {
    const members = await membersOf(machine, name, disks);
    if (members.length === 0) return undefined;
    await machine.exec({
      file: 'mdadm',
      args: ['--assemble', '--quiet', '--readonly', arrayDevice(name), ...members],
      effect: 'write',
      // 1 and 2: not all members are there. What became of it is looked at below.
      accept: [0, 1, 2],
    });
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
    found = await running();
  }
  if (found === undefined) return undefined;
  const device = `/dev/${found.device}`;
  const sectors = Number(((await machine.readFile(`/sys/block/${found.device}/size`)) ?? '0').trim());
  const content = await signatureAt(machine, device, 0, sectors);
  const use = uses.get(device);
  return {
    name,
    device,
    level: found.level,
    metadata: found.metadata,
    raidDisks: found.raidDisks,
    members: found.members.map((member) => `/dev/${member.device}`),
    sizeMiB: Math.floor((sectors * SECTOR_BYTES) / 1024 ** 2),
    ...(content === undefined ? {} : { content: content.type }),
    ...(use === undefined ? {} : { unusable: use }),
  };
}

/** Partitions whose superblock bears the array's name. */
async function membersOf(machine: Machine, name: string, disks: readonly Disk[]): Promise<readonly string[]> {
  const members: string[] = [];
  for (const { path: disk, partitions } of disks) {
    for (const { path, start, sectors } of partitions) {
      const superblock = await readMdSuperblock(machine, disk, start, sectors).catch(() => undefined);
      if (superblock?.arrayName === name) members.push(path);
    }
  }
  return members;
}

/** The volumes' signatures can only be read once they are awake. */
async function findGroup(
  machine: Machine,
  name: string,
  uses: ReadonlyMap<string, string>,
): Promise<{ readonly group: ExistingVolumeGroup; readonly devices: readonly string[] } | undefined> {
  const fields = ['vg_extent_size', 'vg_extent_count', 'vg_free_count', 'pv_name'];
  const rows = await readLvm(machine, 'vgs', fields, name);
  const [first] = rows;
  if (first === undefined) return undefined;
  await machine.exec({ file: 'vgchange', args: ['--quiet', '--activate', 'y', name], effect: 'write' });
  await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  const extentKiB = Number(first.vg_extent_size ?? 0);
  const volumes = await volumesOf(machine, name, extentKiB);
  const devices = await devicesOf(machine, name);
  const use = devices.map((device) => uses.get(`/dev/${device}`)).find((one) => one !== undefined);
  return {
    group: {
      name,
      extentKiB,
      extents: Number(first.vg_extent_count ?? 0),
      freeExtents: Number(first.vg_free_count ?? 0),
      spareExtents: volumes.spareExtents,
      physicalVolumes: await Promise.all(
        rows.map(async ({ pv_name = '' }) => (await machine.realPath(pv_name)) ?? pv_name),
      ),
      volumes: volumes.seen,
      ...(use === undefined ? {} : { unusable: use }),
    },
    devices,
  };
}

async function volumesOf(
  machine: Machine,
  group: string,
  extentKiB: number,
): Promise<{ readonly seen: readonly ExistingVolume[]; readonly spareExtents: number }> {
  const rows = await readLvm(machine, 'lvs', ['lv_name', 'lv_size', 'segtype', 'pool_lv'], group);
  const extents = (size: string | undefined): number => Math.round(Number(size ?? 0) / extentKiB);
  // A volume in several pieces has as many lines; those that people do not see stand in brackets.
  const byName = new Map(rows.map((row) => [row.lv_name ?? '', row]));
  const seen: ExistingVolume[] = [];
  for (const [name, { segtype = '', lv_size, pool_lv }] of byName) {
    if (name.startsWith('[')) continue;
    const device = `/dev/${group}/${name}`;
    const sectors = (Number(lv_size ?? 0) * 1024) / SECTOR_BYTES;
    const isThere = segtype !== 'thin-pool' && (await machine.exists(device));
    const content = isThere ? await signatureAt(machine, device, 0, sectors) : undefined;
    seen.push({
      name,
      segment: segtype,
      extents: extents(lv_size),
      ...(pool_lv === undefined ? {} : { pool: pool_lv.replace(/^\[(.*)\]$/, '$1') }),
      ...(content === undefined ? {} : { content: content.type }),
    });
  }
  const spare = [...byName].find(([name]) => /^\[lvol\d+_pmspare\]$/.test(name));
  return { seen, spareExtents: extents(spare?.[1].lv_size) };
}

/** The device mapper calls a volume GROUP-VOLUME, with every hyphen of their own doubled. */
async function devicesOf(machine: Machine, group: string): Promise<readonly string[]> {
  const prefix = `${group.replaceAll('-', '--')}-`;
  const devices: string[] = [];
  for (const device of await machine.list('/sys/block')) {
    if (!device.startsWith('dm-')) continue;
    const name = ((await machine.readFile(`/sys/block/${device}/dm/name`)) ?? '').trim();
    if (name.startsWith(prefix) && name[prefix.length] !== '-') devices.push(device);
  }
  return devices;
}
