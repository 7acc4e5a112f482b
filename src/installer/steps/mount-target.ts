import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type Installation, onTarget, TARGET } from '../installation.ts';
import type { ModelFileSystem, StorageModel } from '../model.ts';
import { mountOptions } from '../storage-files.ts';

/** File systems of the kernel that programs in the target need, shown there as they are here. */
const BOUND = ['/dev', '/proc', '/sys', '/run'] as const;

/** Mounts what will be the installed system, and turns its swap on. */
export const mountTarget: Step<Installation> = {
  id: 'mount-target',
  title: 'Mount the target',
  after: ['make-btrfs-volumes'],
  async check(machine, { model }) {
    const mounted = await mountPoints(machine);
    const wanted = [...mounts(model).map(({ at }) => at), ...BOUND.map(onTarget)];
    const missing = wanted.find((at) => !mounted.includes(at));
    if (missing !== undefined) return { done: false, why: `nothing is mounted at ${missing}` };
    return { done: true, evidence: { mounts: wanted } };
  },
  async apply(machine, { model }) {
    const mounted = await mountPoints(machine);
    for (const { fileSystem, at } of mounts(model)) {
      if (mounted.includes(at)) continue;
      const options = mountOptions(fileSystem);
      const words = options.length === 0 ? [] : ['-o', options.join(',')];
      await run(machine, 'mkdir', '-p', at);
      await run(machine, 'mount', '-t', fileSystem.type, ...words, fileSystem.device, at);
    }
    for (const folder of BOUND) {
      if (mounted.includes(onTarget(folder))) continue;
      await run(machine, 'mkdir', '-p', onTarget(folder));
      await run(machine, 'mount', '--rbind', '--make-rslave', folder, onTarget(folder));
    }
    for (const { device, type } of model.fileSystems) {
      if (type === 'swap') await run(machine, 'swapon', device);
    }
  },
};

/** Undoes {@link mountTarget}, so that everything written is on the disks. Mounts that are gone already are fine. */
export async function unmountTarget(machine: Machine, model: StorageModel): Promise<void> {
  for (const { device, type } of model.fileSystems) {
    if (type === 'swap')
      await machine.exec({ file: 'swapoff', args: [device], effect: 'write', accept: [0, 255] });
  }
  for (const folder of BOUND) await run(machine, 'umount', '--recursive', '--lazy', onTarget(folder));
  const own = mounts(model).map(({ at }) => at);
  // Scripts mount things too, and leave them.
  const left = (await mountPoints(machine)).filter((at) => at.startsWith(`${TARGET}/`) && !own.includes(at));
  for (const at of [...own, ...left].toReversed()) await run(machine, 'umount', at);
}

/** Mounted file systems in the order they can be mounted: / before /boot before /boot/efi. */
function mounts(
  model: StorageModel,
): readonly { readonly fileSystem: ModelFileSystem; readonly at: string }[] {
  return model.fileSystems
    .flatMap((fileSystem) =>
      fileSystem.mountPoint === undefined
        ? []
        : [{ fileSystem, at: fileSystem.mountPoint === '/' ? TARGET : onTarget(fileSystem.mountPoint) }],
    )
    .toSorted((a, b) => a.at.length - b.at.length);
}

async function mountPoints(machine: Machine): Promise<readonly string[]> {
  const lines = ((await machine.readFile('/proc/self/mounts')) ?? '').split('\n');
  // A space in a path stands there as \040.
  const decoded = (path: string): string =>
    path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return lines.flatMap((line) => line.split(' ')[1] ?? []).map(decoded);
}

async function run(machine: Machine, file: string, ...args: readonly string[]): Promise<void> {
  await machine.exec({ file, args, effect: 'write' });
}
