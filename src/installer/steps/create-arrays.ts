import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type ArrayState, readArrays } from '../../storage/md.ts';
import type { Installation } from '../installation.ts';
import type { ModelArray } from '../model.ts';

/** Makes the arrays. Their first resync starts at once; `installed` waits for those that machines boot from. */
export const createArrays: Step<Installation> = {
  id: 'create-arrays',
  title: 'Create the arrays',
  after: ['encrypt-partitions'],
  async check(machine, { model }) {
    const arrays = await readArrays(machine);
    for (const want of model.arrays) {
      const have = arrays.find(({ name }) => name === want.name);
      const why =
        (await arrayDifference(machine, want, have)) ??
        asleep(want, have) ??
        (await chunkDifference(machine, want, have));
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { arrays: model.arrays.map(({ name, level }) => `${name}: ${level}`) } };
  },
  async apply(machine, { model }, say) {
    const running = await readArrays(machine);
    for (const array of model.arrays) {
      if (array.keep) {
        const have = running.find(({ name }) => name === array.name);
        await machine.exec({ file: 'mdadm', args: wakeArguments(array, have), effect: 'write' });
        continue;
      }
      say(`${array.name}: ${array.level} of ${array.members.join(', ')}`);
      await machine.exec({ file: 'mdadm', args: createArguments(array), effect: 'write' });
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
    await bootArraysFirst(machine, model.arrays);
  },
};

/** The arguments of `mdadm --create`. `--homehost=any` keeps the name free of a host that will be called otherwise. */
export function createArguments(array: ModelArray): readonly string[] {
  return [
    '--create',
    array.device,
    // Do not ask about what the members held: the disk guard has judged them.
    '--run',
    '--quiet',
    `--level=${array.level}`,
    `--metadata=${array.metadata}`,
    '--homehost=any',
    `--raid-devices=${array.members.length - array.spares}`,
    ...(array.spares > 0 ? [`--spare-devices=${array.spares}`] : []),
    ...(array.chunkKiB === undefined ? [] : [`--chunk=${array.chunkKiB}`]),
    ...(array.level === 'raid0' ? [] : [`--bitmap=${array.bitmap ? 'internal' : 'none'}`]),
    ...array.members,
  ];
}

/** The arguments that make an array that stays run, or let it be written to where it runs already. */
const wakeArguments = (array: ModelArray, have: ArrayState | undefined): readonly string[] =>
  have === undefined
    ? ['--assemble', '--quiet', array.device, ...array.members]
    : ['--readwrite', '--quiet', array.device];

/** One that stays was only looked at until now. */
const asleep = ({ keep, name }: ModelArray, have: ArrayState | undefined): string | undefined =>
  keep && (have?.arrayState === 'readonly' || have?.arrayState === 'inactive')
    ? `array ${name} is ${have.arrayState}`
    : undefined;

/**
 * Arrays on the same disks resync one after the other in the order they please. Only /boot and the ESP are waited
 * for, so the others hold still until the installation is done; frozen is a state of this run, not of the array.
 */
async function bootArraysFirst(machine: Machine, arrays: readonly ModelArray[]): Promise<void> {
  const states = await readArrays(machine);
  for (const array of arrays.filter(({ metadata }) => metadata !== '1.0')) {
    const state = states.find(({ name }) => name === array.name);
    const file = `/sys/block/${state?.device}/md/sync_action`;
    // An array without redundancy has nothing to resync, and no such file.
    if (await machine.exists(file)) await machine.writeFile(file, 'frozen');
  }
}

/** Lets every array go on with its resync. */
export async function releaseArrays(machine: Machine, arrays: readonly ModelArray[]): Promise<void> {
  const states = await readArrays(machine);
  for (const state of states.filter(({ name }) => arrays.some((array) => array.name === name))) {
    const file = `/sys/block/${state.device}/md/sync_action`;
    if ((await machine.readFile(file))?.trim() === 'frozen') await machine.writeFile(file, 'idle');
  }
}

/** What an array is otherwise than the model has it; a member that failed is none. */
export async function arrayDifference(
  machine: Machine,
  want: ModelArray,
  have: ArrayState | undefined,
): Promise<string | undefined> {
  if (have === undefined) return `there is no array ${want.name}`;
  const active = want.members.length - want.spares;
  if (have.level !== want.level) return `array ${want.name} is ${have.level}`;
  if (have.metadata !== want.metadata) return `array ${want.name} has metadata ${have.metadata}`;
  if (have.raidDisks !== active) return `array ${want.name} has ${have.raidDisks} of ${active} disks`;
  const sound = have.members.filter(({ flags }) => !flags.includes('faulty'));
  const members = sound.map(({ device }) => `/dev/${device}`).sort();
  // An opened container is a link to what the kernel calls it.
  const wanted = await Promise.all(
    want.members.map(async (member) => (await machine.realPath(member)) ?? member),
  );
  if (members.join() === wanted.sort().join()) return undefined;
  return `array ${want.name} consists of ${members.join(', ')}`;
}

/** Only where the kickstart asks for a size of its own. */
async function chunkDifference(
  machine: Machine,
  { name, chunkKiB }: ModelArray,
  have: ArrayState | undefined,
): Promise<string | undefined> {
  if (chunkKiB === undefined) return undefined;
  const bytes = Number((await machine.readFile(`/sys/block/${have?.device}/md/chunk_size`)) ?? '0');
  if (bytes === chunkKiB * 1024) return undefined;
  return `array ${name} has chunks of ${bytes / 1024} KiB, ${chunkKiB} are wanted`;
}
