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
    const { withoutLoader } = await prove(machine, facts);
    for (const { disk } of withoutLoader) await writeBiosLoader(machine, disk, say);
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

/** GRUB's own writer for BIOS and the files it writes from, on the embedded base and on EL. */
const BIOS_WRITERS: readonly {
  readonly program: string;
  readonly folder: string;
  readonly options: readonly string[];
}[] = [
  {
    program: '/usr/lib/grub/i386-pc/grub-bios-setup',
    folder: '/boot/grub/i386-pc',
    // As the installer writes them: the disks are compared with each other.
    options: ['--no-rs-codes'],
  },
  { program: '/usr/sbin/grub2-bios-setup', folder: '/boot/grub2/i386-pc', options: [] },
];

/** The disk is one of the record, and its layout was matched before; the files are proven by another disk. */
async function writeBiosLoader(machine: Machine, disk: string, say: (line: string) => void): Promise<void> {
  for (const { program, folder, options } of BIOS_WRITERS) {
    if (!(await machine.exists(program)) || !(await machine.exists(`${folder}/core.img`))) continue;
    say(`writing the BIOS boot loader of ${disk}`);
    await machine.exec({
      file: program,
      args: ['--skip-fs-probe', ...options, `--directory=${folder}`, disk],
      effect: 'write',
      timeoutMs: 300_000,
    });
    // The proof reads the disks themselves.
    await machine.exec({ file: 'sync', args: [], effect: 'write' });
    return;
  }
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
