import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { type BootMember, type BootProof, proveBootLoaders } from '../../src/storage/boot-proof.ts';
import { recordedBootMembers } from '../../src/storage/compare-layout.ts';
import { observe } from '../../src/storage/observe.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';

/** Every disk can start the machine alone, by BIOS and by UEFI. */
export const proveBootLoader: AgentStep = {
  id: 'prove-boot-loader',
  title: 'Boot loader on every disk',
  after: ['pass-md-gate'],
  checks:
    'Each disk, read without md and without the page cache: boot code in its MBR, GRUB in its BIOS boot partition, ' +
    'the same files on its ESP, and an entry of its own in the firmware when started by UEFI.',
  byHand:
    'grub-install --target=i386-pc /dev/DISK; copy the ESP with its array (mdadm --add); efibootmgr -v.',

  async check(machine, facts) {
    const { problems, warnings, withoutEntry, proven } = await prove(machine, facts);
    const entries = withoutEntry.map(
      ({ disk }) => `no entry in the firmware's boot order for the ESP of ${disk}`,
    );
    if (problems.length + entries.length > 0)
      return { done: false, why: [...problems, ...entries].join('; ') };
    return { done: true, evidence: { proven, warnings } };
  },

  async apply(machine, facts, say) {
    const { problems, withoutEntry } = await prove(machine, facts);
    if (problems.length > 0) {
      throw new StepFailure(
        'verify-failed',
        problems.join('; '),
        'run grub-install on that disk, or let its ESP array recover; then run the agent again',
      );
    }
    for (const member of withoutEntry) await addEntry(machine, facts, member, say);
  },
};

async function prove(machine: Machine, { layout }: NodeFacts): Promise<BootProof> {
  if (layout === undefined) throw new StepFailure('config-invalid', 'there is no layout record');
  return proveBootLoaders(machine, recordedBootMembers(layout, await observe(machine)));
}

/** Firmware forgets its entries when its battery dies or its settings are reset. */
async function addEntry(
  machine: Machine,
  { plan }: NodeFacts,
  { disk, esp }: BootMember,
  say: (line: string) => void,
): Promise<void> {
  if (esp === undefined) return;
  say(`adding a boot entry for ${disk}`);
  const label = `${plan.name} ${disk.replace(/^\/dev\//, '')}`;
  await machine.exec({
    file: 'efibootmgr',
    args: [
      ...['--create', '--disk', disk, '--part', String(esp.number), '--label', label],
      ...['--loader', '\\EFI\\BOOT\\BOOTX64.EFI'],
    ],
    effect: 'write',
  });
}
