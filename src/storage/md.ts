/**
 * Software RAID as the kernel reports it in /sys/block/md*: no process is started to read it.
 *
 * `mdadm --wait` returns 1 when there was nothing to wait for and blocks on a pending resync, and `--detail --test`
 * calls an initial resync clean: neither is a proof. {@link mdReady} is.
 */
import type { Machine } from '../engine/machine.ts';
import { readMdSuperblock } from './md-superblock.ts';

export interface ArrayState {
  /** The name in /dev/md, else the one in its superblock, without a host prefix; the device's own when it has none. */
  readonly name: string;
  /** `md127` */
  readonly device: string;
  /** `raid1` */
  readonly level: string;
  /** `1.0` */
  readonly metadata: string;
  /** `clean`, `active`, `read-auto`, `inactive`, … */
  readonly arrayState: string;
  readonly raidDisks: number;
  readonly degraded: number;
  /** `idle`, `resync`, `recover`, `check`, … */
  readonly syncAction: string;
  /** A sector, or `none` when the array has been in sync once. */
  readonly resyncStart: string;
  /** Sectors of the running resync; undefined when none runs. */
  readonly progress?: { readonly done: number; readonly total: number };
  /** KiB per second of the running resync. */
  readonly speed?: number;
  readonly members: readonly MemberState[];
}

export interface MemberState {
  /** `sda2` */
  readonly device: string;
  /** Position in the array; undefined for a spare or a failed member. */
  readonly slot?: number;
  /** Words of the kernel: `in_sync`, `spare`, `faulty`, `write_mostly`, … */
  readonly flags: readonly string[];
}

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

/** Every array the kernel knows, sorted by name. */
export async function readArrays(machine: Machine): Promise<readonly ArrayState[]> {
  const names = await arrayNames(machine);
  const devices = (await machine.list('/sys/block')).filter((device) => /^md/.test(device));
  const arrays = await Promise.all(devices.map((device) => readArray(machine, device, names.get(device))));
  return arrays.filter((array) => array !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Whether an array is whole and will stay so: nothing degraded, nothing running, nothing pending, the expected number
 * of disks (default: the array's own), each member in sync. An array that was restarted in the middle of its first
 * resync is `idle`; only `resync_start` tells it from a finished one.
 */
export function mdReady(array: ArrayState, expectedDisks = array.raidDisks): Readiness {
  const why = notReady(array, expectedDisks);
  return why === undefined ? { ready: true } : { ready: false, why };
}

function notReady(array: ArrayState, expectedDisks: number): string | undefined {
  const { name, degraded, raidDisks, syncAction, resyncStart, arrayState } = array;
  if (!isRunning(array)) {
    const found = array.members.length;
    const lack = found < expectedDisks ? ` and degraded: ${found} of ${expectedDisks} members` : '';
    return `array ${name} is not running (${arrayState})${lack}`;
  }
  if (degraded !== 0) {
    const busy = syncAction === 'idle' ? '' : `, ${describeSync(array)}`;
    return `array ${name} is degraded: ${raidDisks - degraded} of ${raidDisks} members${busy}`;
  }
  if (raidDisks !== expectedDisks)
    return `array ${name} has ${raidDisks} members, ${expectedDisks} are expected`;
  if (syncAction !== 'idle') return `array ${name} is not idle: ${describeSync(array)}`;
  if (resyncStart !== 'none')
    return `array ${name} has a resync pending from sector ${resyncStart} (${arrayState})`;
  const inSync = array.members.filter(
    (member) => member.slot !== undefined && member.flags.includes('in_sync'),
  );
  if (inSync.length !== expectedDisks)
    return `array ${name} has ${inSync.length} of ${expectedDisks} members in sync`;
  return undefined;
}

/** Whether the array is started; one that is not has members and nothing else. */
export const isRunning = ({ arrayState }: ArrayState): boolean =>
  arrayState !== 'inactive' && arrayState !== 'clear';

/** `recover 34 %, 102400 KiB/s, 12 s left` */
export function describeSync(array: ArrayState): string {
  const { syncAction, progress, speed } = array;
  if (progress === undefined || progress.total === 0) return syncAction;
  const words = [`${syncAction} ${Math.floor((100 * progress.done) / progress.total)} %`];
  const left = secondsLeft(array);
  if (speed !== undefined) words.push(`${speed} KiB/s`);
  if (left !== undefined) words.push(`${left} s left`);
  return words.join(', ');
}

/** Seconds until the running resync ends at its present speed; undefined when it cannot be told. */
function secondsLeft(array: ArrayState): number | undefined {
  const { progress, speed } = array;
  if (progress === undefined || speed === undefined || speed === 0) return undefined;
  return Math.ceil((progress.total - progress.done) / 2 / speed);
}

/** Device name → name in /dev/md. mdadm writes `host:name` there for arrays of another host. */
async function arrayNames(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const link of await machine.list('/dev/md')) {
    const target = await machine.realPath(`/dev/md/${link}`);
    if (target !== undefined) names.set(target.replace(/^\/dev\//, ''), link.replace(/^.*:/, ''));
  }
  return names;
}

/** Undefined when the array went away while it was read, or when the device is a partition of one. */
async function readArray(
  machine: Machine,
  device: string,
  linkName: string | undefined,
): Promise<ArrayState | undefined> {
  const folder = `/sys/block/${device}/md`;
  const read = async (file: string): Promise<string> =>
    ((await machine.readFile(`${folder}/${file}`)) ?? '').trim();
  const arrayState = await read('array_state');
  // `clear` is a device number without an array: what a stopped one leaves behind.
  if (arrayState === '' || arrayState === 'clear') return undefined;
  const progress = parseProgress(await read('sync_completed'));
  const speed = Number.parseInt(await read('sync_speed'), 10);
  const level = await read('level');
  const redundant = level !== 'raid0' && level !== 'linear';
  // Only arrays without redundancy lack these files. Anywhere else "cannot be read" must not look like "in sync".
  const sync = async (file: string, settled: string): Promise<string> =>
    (await read(file)) || (redundant ? 'unknown' : settled);
  const members = await readMembers(machine, folder);
  return {
    name: linkName ?? (await superblockName(machine, members)) ?? device,
    device,
    arrayState,
    level,
    metadata: await read('metadata_version'),
    raidDisks: integer(await read('raid_disks')),
    degraded: integer(await read('degraded')),
    syncAction: await sync('sync_action', 'idle'),
    resyncStart: await sync('resync_start', 'none'),
    ...(progress === undefined ? {} : { progress }),
    ...(Number.isNaN(speed) ? {} : { speed }),
    members,
  };
}

/** udev links an array a moment after the kernel has it, and one that is not running not at all. */
async function superblockName(
  machine: Machine,
  members: readonly MemberState[],
): Promise<string | undefined> {
  const device = members[0]?.device;
  if (device === undefined) return undefined;
  const sectors = integer(
    (await machine.readFile(`/sys/class/block/${device.replaceAll('/', '!')}/size`)) ?? '',
  );
  // A member that cannot be read leaves the array without a name, which is no reason to know nothing of the others.
  const superblock = await readMdSuperblock(machine, `/dev/${device}`, 0, sectors).catch(() => undefined);
  return superblock?.arrayName === '' ? undefined : superblock?.arrayName;
}

async function readMembers(machine: Machine, folder: string): Promise<readonly MemberState[]> {
  const names = (await machine.list(folder)).filter((name) => name.startsWith('dev-'));
  return Promise.all(
    names.map(async (name) => {
      const slot = ((await machine.readFile(`${folder}/${name}/slot`)) ?? '').trim();
      const state = ((await machine.readFile(`${folder}/${name}/state`)) ?? '').trim();
      return {
        // sysfs writes the slash of names such as cciss/c0d0 as an exclamation mark.
        device: name.slice('dev-'.length).replaceAll('!', '/'),
        ...(/^\d+$/.test(slot) ? { slot: Number(slot) } : {}),
        flags: state === '' ? [] : state.split(','),
      };
    }),
  );
}

/** `2048 / 131072`; `none` and `delayed` are no progress. */
function parseProgress(text: string): { readonly done: number; readonly total: number } | undefined {
  const match = /^(\d+) \/ (\d+)$/.exec(text);
  return match === null ? undefined : { done: Number(match[1]), total: Number(match[2]) };
}

/** `raid_disks` reads `2 (1)` while an array is reshaped: the first number counts. */
function integer(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}
