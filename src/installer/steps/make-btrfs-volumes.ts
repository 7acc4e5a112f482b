import type { Command } from '../../engine/command.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readBtrfs } from '../../storage/file-system.ts';
import type { Installation } from '../installation.ts';
import { madeHere } from '../made-here.ts';
import type { ModelBtrfs } from '../model.ts';

/** Where the top of a volume is mounted while its subvolumes are made. */
const TOP = '/run/slipway/btrfs';

const formatted = madeHere();

/** Makes btrfs volumes and their subvolumes. */
export const makeBtrfsVolumes: Step<Installation> = {
  id: 'make-btrfs-volumes',
  title: 'Make the btrfs volumes',
  after: ['make-file-systems'],
  async check(machine, { model }) {
    for (const volume of model.btrfs) {
      const why = await difference(machine, volume);
      if (why !== undefined) return { done: false, why };
      if (!formatted.has(model, volume.devices[0] ?? '')) {
        return { done: false, why: `${volume.devices[0]} holds what it held before` };
      }
    }
    return { done: true, evidence: { volumes: model.btrfs.map(({ devices }) => devices.join(', ')) } };
  },
  async apply(machine, { model }, say) {
    for (const volume of model.btrfs) {
      say(`btrfs on ${volume.devices.join(', ')}`);
      for (const command of makeCommands(volume)) await machine.exec(command);
      formatted.add(model, volume.devices[0] ?? '');
    }
    if (model.btrfs.length === 0) return;
    const devices = model.btrfs.flatMap((volume) => volume.devices);
    await machine.exec({
      file: 'udevadm',
      args: ['trigger', '--action=change', '--settle', ...devices],
      effect: 'read',
    });
  },
};

/** The calls that make a volume; forced, since the disk guard has judged what was there. */
export function makeCommands(volume: ModelBtrfs): readonly Command[] {
  const { devices, label, data, metadata, subvolumes, mkfsOptions } = volume;
  const call = (file: string, ...args: readonly string[]): Command => ({ file, args, effect: 'write' });
  const first = devices[0] ?? '';
  const format = call(
    'mkfs.btrfs',
    ...['--quiet', '--force'],
    ...(label === undefined ? [] : ['--label', label]),
    ...(data === undefined ? [] : ['--data', data]),
    ...(metadata === undefined ? [] : ['--metadata', metadata]),
    ...mkfsOptions,
    ...devices,
  );
  // The kernel mounts a volume only when it has seen all of its devices.
  const seen = [call('modprobe', 'btrfs'), call('btrfs', 'device', 'scan', ...devices)];
  if (subvolumes.length === 0) return [format, ...seen];
  return [
    format,
    ...seen,
    call('mkdir', '-p', TOP),
    call('mount', '-t', 'btrfs', first, TOP),
    ...subvolumes.flatMap((name) => {
      const folder = name.split('/').slice(0, -1).join('/');
      return [
        ...(folder === '' ? [] : [call('mkdir', '-p', `${TOP}/${folder}`)]),
        call('btrfs', 'subvolume', 'create', `${TOP}/${name}`),
      ];
    }),
    call('umount', TOP),
  ];
}

async function difference(machine: Machine, volume: ModelBtrfs): Promise<string | undefined> {
  const { devices, label, subvolumes } = volume;
  const found = await Promise.all(devices.map((device) => readBtrfs(machine, device)));
  const [first] = found;
  for (const [index, one] of found.entries()) {
    if (one === undefined) return `${devices[index]} holds no btrfs`;
    if (one.uuid !== first?.uuid) return `${devices[index]} is part of another volume than ${devices[0]}`;
    if (one.devices !== devices.length) {
      return `the volume on ${devices[index]} has ${one.devices} devices, ${devices.length} are wanted`;
    }
    if (label !== undefined && one.label !== label) return `${devices[index]} is labelled '${one.label}'`;
  }
  const lacks = await profileDifference(machine, volume);
  if (lacks !== undefined || subvolumes.length === 0) return lacks;
  const names = subvolumeNames(await dumpTree(machine, volume, 'root'));
  const missing = subvolumes.find((name) => !names.includes(name.split('/').at(-1) ?? ''));
  return missing === undefined ? undefined : `there is no subvolume ${missing} on ${devices[0]}`;
}

/** The profiles of the chunks there are. */
async function profileDifference(machine: Machine, volume: ModelBtrfs): Promise<string | undefined> {
  const { data, metadata, devices } = volume;
  if (data === undefined && metadata === undefined) return undefined;
  const chunks = await dumpTree(machine, volume, 'chunk');
  for (const [kind, wanted] of [
    ['DATA', data],
    ['METADATA', metadata],
  ] as const) {
    const found = [...chunks.matchAll(new RegExp(`type ${kind}(?:\\|(\\w+))?$`, 'gm'))].map(
      ([, profile = 'single']) => profile.toLowerCase(),
    );
    const other = found.find((profile) => profile !== wanted);
    if (wanted !== undefined && (other !== undefined || found.length === 0)) {
      return `${kind.toLowerCase()} on ${devices[0]} is ${other ?? 'nowhere'}, not ${wanted}`;
    }
  }
  return undefined;
}

/** A tree of the volume as btrfs prints it, without mounting it. */
async function dumpTree(machine: Machine, { devices }: ModelBtrfs, tree: string): Promise<string> {
  const { stdout } = await machine.exec({
    file: 'btrfs',
    args: ['inspect-internal', 'dump-tree', '--tree', tree, devices[0] ?? ''],
    effect: 'read',
  });
  return stdout;
}

/** Last parts of the paths of all subvolumes: lines such as `root ref key dirid 256 sequence 2 name home`. */
const subvolumeNames = (tree: string): readonly string[] =>
  [...tree.matchAll(/root ref key dirid \d+ sequence \d+ name (.+)$/gm)].flatMap(([, name]) => name ?? []);
