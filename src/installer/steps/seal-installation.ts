import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { proveBootLoaders } from '../../storage/boot-proof.ts';
import { describeSync, mdReady, readArrays } from '../../storage/md.ts';
import { waitForArrays } from '../../storage/wait-arrays.ts';
import { bootMembers } from '../boot-members.ts';
import { type Installation, onTarget } from '../installation.ts';
import type { StorageModel } from '../model.ts';
import { arrayDifference } from './create-arrays.ts';
import { type CryptLayer, closeCommand, cryptsOn } from './encrypt-devices.ts';

/**
 * Nobody may reboot before /boot and the ESP are the same on every member: a boot loader reads one of them and does
 * not know about the others. Anaconda does not wait; a machine rebooted at the wrong moment then does not come back.
 */
export const sealInstallation: Step<Installation> = {
  id: 'seal-installation',
  title: 'Wait for /boot and the ESP, and prove every disk',
  after: ['run-post-scripts'],
  timeoutSeconds: 24 * 3600,
  async check(machine, { model }) {
    const arrays = await readArrays(machine);
    for (const name of bootArrays(model)) {
      const array = arrays.find((one) => one.name === name);
      const state = array === undefined ? { ready: false as const, why: `no array ${name}` } : mdReady(array);
      if (!state.ready) return { done: false, why: state.why };
    }
    // What goes on resyncing until the first start must be whole, too: nobody is told later that a disk was lost here.
    for (const want of model.arrays.filter(({ keep }) => !keep)) {
      const have = arrays.find(({ name }) => name === want.name);
      const why = await arrayDifference(machine, want, have);
      if (why !== undefined) throw new StepFailure('verify-failed', why);
    }
    const members = model.boot.loader ? await bootMembers(machine, model) : [];
    if (members.length === 0) return { done: true, evidence: { proven: [] } };
    const proof = await proveBootLoaders(machine, members, { bootFolder: onTarget('/boot') });
    // What the disks lack now no waiting brings.
    if (proof.problems.length > 0) throw new StepFailure('verify-failed', proof.problems.join('; '));
    return { done: true, evidence: { proven: proof.proven, warnings: proof.warnings } };
  },
  async apply(machine, { model }, say) {
    await machine.exec({ file: 'sync', args: [], effect: 'write', timeoutMs: 600_000 });
    let said = '';
    await waitForArrays(machine, bootArrays(model), {
      onProgress: (waiting) => {
        const line = waiting.map((array) => `${array.name}: ${describeSync(array)}`).join(', ');
        if (line !== said) say(line);
        said = line;
      },
    });
  },
};

/** Arrays that firmware and boot loader read one member of: those whose superblock stands at the end. */
function bootArrays(model: StorageModel): readonly string[] {
  return model.arrays.filter(({ metadata }) => metadata === '1.0').map(({ name }) => name);
}

/** Closes and stops what lies on the disks, from above, so that everything is written before the power goes. */
export async function stopArrays(machine: Machine, model: StorageModel): Promise<void> {
  const close = async (layer: CryptLayer): Promise<void> => {
    for (const crypt of cryptsOn(model, layer)) await machine.exec(closeCommand(crypt));
  };
  await close('volumes');
  for (const group of model.volumeGroups) {
    await machine.exec({
      file: 'vgchange',
      args: ['--quiet', '--activate', 'n', group.name],
      effect: 'write',
    });
  }
  await close('arrays');
  for (const { device } of model.arrays) {
    await machine.exec({ file: 'mdadm', args: ['--stop', '--quiet', device], effect: 'write' });
  }
  await close('partitions');
}
