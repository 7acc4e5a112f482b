/** The disks of a machine, as the kernel and udev describe them. No process is started to read them. */
import type { Machine } from '../engine/machine.ts';

export interface Disk {
  /** `sda` */
  readonly name: string;
  /** `/dev/sda` */
  readonly path: string;
  readonly sizeBytes: number;
  /** Logical block size. */
  readonly blockBytes: number;
  readonly bus: Bus;
  readonly model?: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly rotational: boolean;
  readonly removable: boolean;
  readonly readOnly: boolean;
  /** Names below /dev/disk/by-id, sorted. */
  readonly ids: readonly string[];
  /** Names below /dev/disk/by-path, sorted. */
  readonly paths: readonly string[];
  readonly partitions: readonly DiskPartition[];
  /** Devices built on the whole disk: `md127`, `dm-0`. */
  readonly holders: readonly string[];
}

export interface DiskPartition {
  /** `sda1` */
  readonly name: string;
  /** `/dev/sda1` */
  readonly path: string;
  readonly number: number;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
  readonly holders: readonly string[];
}

export type Bus = 'ata' | 'scsi' | 'nvme' | 'virtio' | 'usb' | 'other';

/** Block devices that are no disks of their own: built on others, in memory, or read-only media. */
const NOT_A_DISK = /^(loop|ram|zram|md|dm-|sr|fd|nbd|drbd|mtdblock|mmcblk\d+(boot|rpmb))/;
/** sysfs counts in these whatever the disk's block size. */
const SECTOR_BYTES = 512;

/** Every disk, sorted by name. */
export async function readDisks(machine: Machine): Promise<readonly Disk[]> {
  const names = (await machine.list('/sys/block')).filter((name) => !NOT_A_DISK.test(name));
  const ids = await linksByDevice(machine, '/dev/disk/by-id');
  const paths = await linksByDevice(machine, '/dev/disk/by-path');
  const disks = await Promise.all(names.map((name) => readDisk(machine, name, ids, paths)));
  return disks.filter((disk) => disk !== undefined);
}

type Links = ReadonlyMap<string, readonly string[]>;

async function readDisk(machine: Machine, name: string, ids: Links, paths: Links): Promise<Disk | undefined> {
  const folder = `/sys/block/${name}`;
  // The kernel answers with an error (EINVAL, ENXIO) when a device has no such thing as a serial number or a WWID.
  const read = async (file: string): Promise<string> => {
    const text = ((await machine.readFile(`${folder}/${file}`).catch(() => undefined)) ?? '').trim();
    // How the kernel prints a text that a driver does not have.
    return text === '(null)' ? '' : text;
  };
  const sizeBytes = Number(await read('size')) * SECTOR_BYTES;
  // Hidden: one path of a multipath NVMe disk, which has a device of its own.
  if (!(sizeBytes > 0) || (await read('hidden')) === '1') return undefined;
  // sysfs writes the slash of names such as cciss/c0d0 as an exclamation mark.
  const path = `/dev/${name.replaceAll('!', '/')}`;
  const udev = await readUdev(machine, await read('dev'));
  const model = udev.get('ID_MODEL')?.replaceAll('_', ' ').trim() ?? '';
  const facts = {
    model: (await read('device/model')) || model,
    serial: udev.get('ID_SERIAL_SHORT') || (await read('serial')) || (await read('device/serial')),
    wwn: udev.get('ID_WWN') || (await read('wwid')) || (await read('device/wwid')),
  };
  return {
    name,
    path,
    sizeBytes,
    blockBytes: Number(await read('queue/logical_block_size')) || SECTOR_BYTES,
    bus: busOf(name, (await machine.realPath(folder)) ?? '', udev.get('ID_BUS')),
    ...(facts.model === '' ? {} : { model: facts.model }),
    ...(facts.serial === '' ? {} : { serial: facts.serial }),
    ...(facts.wwn === '' ? {} : { wwn: facts.wwn }),
    rotational: (await read('queue/rotational')) === '1',
    removable: (await read('removable')) === '1',
    readOnly: (await read('ro')) === '1',
    ids: ids.get(path) ?? [],
    paths: paths.get(path) ?? [],
    partitions: await readPartitions(machine, name),
    holders: await machine.list(`${folder}/holders`),
  };
}

async function readPartitions(machine: Machine, disk: string): Promise<readonly DiskPartition[]> {
  const names = (await machine.list(`/sys/block/${disk}`)).filter((name) => name.startsWith(disk));
  const partitions = await Promise.all(
    names.map(async (name) => {
      const folder = `/sys/block/${disk}/${name}`;
      const number = async (file: string): Promise<number> =>
        Number(((await machine.readFile(`${folder}/${file}`)) ?? '0').trim());
      return {
        name,
        path: `/dev/${name.replaceAll('!', '/')}`,
        number: await number('partition'),
        start: await number('start'),
        sectors: await number('size'),
        holders: await machine.list(`${folder}/holders`),
      };
    }),
  );
  return partitions.filter((partition) => partition.number > 0).sort((a, b) => a.number - b.number);
}

/** Properties that udev found out about the device `8:0`. */
async function readUdev(machine: Machine, numbers: string): Promise<ReadonlyMap<string, string>> {
  const text = (await machine.readFile(`/run/udev/data/b${numbers}`)) ?? '';
  return new Map(
    text.split('\n').flatMap((line) => {
      const match = /^E:([^=]+)=(.*)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
    }),
  );
}

function busOf(name: string, devicePath: string, udevBus: string | undefined): Bus {
  if (udevBus === 'usb' || /\/usb\d+\//.test(devicePath)) return 'usb';
  if (name.startsWith('nvme')) return 'nvme';
  if (name.startsWith('vd') || /\/virtio\d+\/block\//.test(devicePath)) return 'virtio';
  if (udevBus === 'ata' || /\/ata\d+\//.test(devicePath)) return 'ata';
  return name.startsWith('sd') ? 'scsi' : 'other';
}

/** Links of a folder of /dev/disk by the device they lead to. */
async function linksByDevice(machine: Machine, folder: string): Promise<Links> {
  const links = new Map<string, string[]>();
  for (const name of await machine.list(folder)) {
    const device = await machine.realPath(`${folder}/${name}`);
    if (device !== undefined) links.set(device, [...(links.get(device) ?? []), name]);
  }
  return links;
}

/**
 * Tells a disk from another one that got its name because a cable was moved: the kernel numbers disks as they appear
 * and never twice (`diskseq`, Linux 5.15), and size and serial number stand beside it.
 */
export async function incarnation(machine: Machine, name: string): Promise<string> {
  const read = async (file: string): Promise<string> =>
    ((await machine.readFile(`/sys/block/${inSysfs(name)}/${file}`)) ?? '').trim();
  return [await read('diskseq'), await read('size'), await read('serial')].join('|');
}

/** sysfs writes the slash of names such as cciss/c0d0 as an exclamation mark. */
export const inSysfs = (name: string): string => name.replaceAll('/', '!');
