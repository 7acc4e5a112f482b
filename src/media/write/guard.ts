/**
 * The one gate before a device is overwritten with an image. Whoever writes takes a {@link ReleasedTarget}, and only
 * this gate makes one.
 */
import type { Machine } from '../../engine/machine.ts';
import { fileProblem, InputError } from '../../errors/problem.ts';
import { type Disk, incarnation, inSysfs, readDisks } from '../../storage/block-devices.ts';

/** A device that may be overwritten, as it was when it was judged. */
export type ReleasedTarget = ReleasedDisk | ReleasedDrive;

export interface ReleasedDisk {
  readonly kind: 'disk';
  /** `/dev/sdb` */
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** For people: model, size, serial number. */
  readonly description: string;
  /** What `incarnation` said then. */
  readonly incarnation: string;
}

/** An optical drive; what lies in it is looked at before it is burned. */
export interface ReleasedDrive {
  readonly kind: 'drive';
  readonly path: string;
  readonly description: string;
}

export interface WriteRequest {
  /** As given: a device, or a link to one such as /dev/disk/by-id/… */
  readonly device: string;
  readonly imageBytes: number;
  /** Serial number of the disk that is meant although it is not removable. */
  readonly meant: string | undefined;
}

type Objection = readonly [rule: string, message: string, hint?: string];

const OPTICAL = /^\/dev\/sr\d+$/;

/** @throws {InputError} with everything that speaks against it. Nothing is opened for writing. */
export async function releaseTarget(machine: Machine, request: WriteRequest): Promise<ReleasedTarget> {
  const { device } = request;
  const path = await machine.realPath(device);
  if (path === undefined) throw refusal(device, [['no-such-device', 'there is no such device']]);
  if (OPTICAL.test(path)) return releaseDrive(machine, path, device);
  const disks = await readDisks(machine);
  const disk = disks.find((each) => each.path === path);
  if (disk === undefined) throw refusal(device, [notADisk(path, disks)]);
  const objections = [...objectionsTo(disk, request), ...(await inUse(machine, disk))];
  if (objections.length > 0) throw refusal(device, objections);
  return {
    kind: 'disk',
    path,
    name: disk.name,
    sizeBytes: disk.sizeBytes,
    description: describe(disk),
    incarnation: await incarnation(machine, disk.name),
  };
}

/** Still the device that was judged, immediately before it is opened. @throws {InputError} */
export async function requireUnchanged(machine: Machine, target: ReleasedDisk): Promise<void> {
  if ((await incarnation(machine, target.name)) === target.incarnation) return;
  throw refusal(target.path, [['another-device', 'another device has taken its name meanwhile']]);
}

function notADisk(path: string, disks: readonly Disk[]): Objection {
  const owner = disks.find(({ partitions }) => partitions.some((partition) => partition.path === path));
  if (owner !== undefined)
    return ['not-a-disk', `it is a partition of ${owner.path}`, `an ISO needs the whole disk: ${owner.path}`];
  return ['not-a-disk', 'it is no disk of this machine', 'lsblk lists the disks and what lies on them'];
}

function objectionsTo(disk: Disk, { imageBytes, meant }: WriteRequest): readonly Objection[] {
  const { removable, readOnly, serial, sizeBytes } = disk;
  const objections: Objection[] = [];
  if (readOnly) objections.push(['read-only', 'it is write-protected']);
  if (sizeBytes < imageBytes)
    objections.push(['too-small', `it has ${sizeBytes} bytes, the ISO ${imageBytes}`]);
  if (meant !== undefined && meant !== serial)
    objections.push(['other-serial', `its serial number is ${serial ?? 'not known'}, not ${meant}`]);
  if (meant === undefined && !removable) {
    const hint =
      serial === undefined
        ? 'it has no serial number to name it by'
        : `if it is really meant: --yes-i-mean ${serial}`;
    objections.push(['not-removable', `it does not call itself removable (${describe(disk)})`, hint]);
  }
  return objections;
}

/** Whatever is mounted, swapped to or built upon, on the disk itself or on one of its partitions. */
async function inUse(machine: Machine, disk: Disk): Promise<readonly Objection[]> {
  const devices = [
    { path: disk.path, folder: `/sys/block/${inSysfs(disk.name)}`, holders: disk.holders },
    ...disk.partitions.map(({ path, name, holders }) => ({
      path,
      folder: `/sys/block/${inSysfs(disk.name)}/${inSysfs(name)}`,
      holders,
    })),
  ];
  const mounts = parseMounts((await machine.readFile('/proc/self/mountinfo')) ?? '');
  const swaps = ((await machine.readFile('/proc/swaps')) ?? '')
    .split('\n')
    .map((line) => line.split(/\s/)[0]);
  const perDevice = await Promise.all(
    devices.map(async ({ path, folder, holders }) => {
      const numbers = ((await machine.readFile(`${folder}/dev`)) ?? '').trim();
      const mounted = mounts.filter((mount) => mount.source === path || mount.numbers === numbers);
      return [
        ...mounted.map((mount) => mountedOn(path, mount)),
        ...(swaps.includes(path) ? [['in-use', `${path} is swap space`, `swapoff ${path}`] as const] : []),
        ...holders.map((holder): Objection => ['in-use', `${path} is part of ${holder}`]),
      ];
    }),
  );
  return perDevice.flat();
}

const mountedOn = (path: string, { at }: { readonly at: string }): Objection => [
  'in-use',
  `${path} is mounted on ${at}`,
  at === '/' ? 'this system runs from it' : `umount ${at}`,
];

/** The fields of /proc/self/mountinfo that name the device and the place (proc(5)). */
function parseMounts(text: string) {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , numbers, , at] = before.split(' ');
    const source = after.split(' ')[1];
    return numbers === undefined || at === undefined || source === undefined ? [] : [{ numbers, at, source }];
  });
}

/** A drive is not overwritten, the disc in it is; whether that one is blank, the burning program looks at. */
async function releaseDrive(machine: Machine, path: string, device: string): Promise<ReleasedDrive> {
  const mounts = parseMounts((await machine.readFile('/proc/self/mountinfo')) ?? '');
  const objections = mounts.filter(({ source }) => source === path).map((mount) => mountedOn(path, mount));
  if (objections.length > 0) throw refusal(device, objections);
  const model = (
    (await machine.readFile(`/sys/block/${path.slice('/dev/'.length)}/device/model`)) ?? ''
  ).trim();
  return { kind: 'drive', path, description: `${path}, ${model === '' ? 'an optical drive' : model}` };
}

function describe({ path, model, serial, sizeBytes }: Disk): string {
  const size = `${(sizeBytes / 1e9).toFixed(1)} GB`;
  return [path, model, size, serial === undefined ? undefined : `serial number ${serial}`]
    .filter((part) => part !== undefined)
    .join(', ');
}

const refusal = (device: string, objections: readonly Objection[]): InputError =>
  new InputError(objections.map(([rule, message, hint]) => fileProblem(device, rule, message, hint)));
