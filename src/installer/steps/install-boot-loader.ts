import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { proveBootLoaders } from '../../storage/boot-proof.ts';
import {
  bootVolume,
  coreGrubConfig,
  ESP_FILES,
  espGrubConfig,
  grubConfig,
  kernelArguments,
  PASSWORD_FILE,
  passwordFile,
} from '../boot-files.ts';
import { bootMembers } from '../boot-members.ts';
import { deviceIds } from '../device-ids.ts';
import { type Installation, onTarget, TARGET } from '../installation.ts';
import type { StorageModel } from '../model.ts';

/**
 * Makes the installed system start from each of its disks, by BIOS and by UEFI, whatever it was installed under:
 * GRUB's core image on every disk, the signed chain on the ESP, one firmware entry per disk when UEFI is there.
 */
export const installBootLoader: Step<Installation> = {
  id: 'install-boot-loader',
  title: 'Install the boot loader on every disk',
  after: ['enable-services'],
  async check(machine, installation) {
    const { boot } = installation.model;
    if (!boot.loader) return { done: true, evidence: { loader: 'none, as the kickstart says' } };
    const config = await machine.readFile(onTarget('/boot/grub/grub.cfg'));
    if (config !== (await wantedConfig(machine, installation)).main)
      return { done: false, why: 'grub.cfg is not written' };
    if (boot.password !== undefined && !(await machine.exists(onTarget(PASSWORD_FILE))))
      return { done: false, why: 'the boot menu has no password' };
    const members = await bootMembers(machine, installation.model);
    // An MBR that stays as it is proves nothing about what is behind it.
    if (members.length === 0) return { done: true, evidence: { loader: 'configured, the MBR as it was' } };
    const proof = await proveBootLoaders(machine, members, { bootFolder: onTarget('/boot') });
    const why = proof.problems[0] ?? proof.withoutEntry.map(({ disk }) => `${disk}: no firmware entry`)[0];
    if (why !== undefined) return { done: false, why };
    return { done: true, evidence: { proven: proof.proven } };
  },
  async apply(machine, installation, say) {
    const { main, esp, core } = await wantedConfig(machine, installation);
    await machine.writeFile(onTarget('/boot/grub/grub.cfg'), main, 0o600);
    const { password } = installation.model.boot;
    if (password !== undefined) {
      const hash = password.kind === 'hash' ? password.text : grubHash(password.text);
      await machine.writeFile(onTarget(PASSWORD_FILE), passwordFile(hash), 0o600);
    }
    const members = await bootMembers(machine, installation.model);
    const disks = members.flatMap(({ disk, biosBoot }) => (biosBoot === undefined ? [] : [disk]));
    if (disks.length > 0) {
      say(`GRUB for BIOS on ${disks.join(', ')}`);
      await makeCoreImage(machine, core, installation.model);
      for (const disk of disks) await embedCoreImage(machine, disk);
    }
    if (members.some((member) => member.esp !== undefined)) {
      say('shim and GRUB for UEFI');
      await installForUefi(machine, esp);
      await createEntries(machine, installation);
    }
    // The proof reads the disks themselves.
    await machine.exec({ file: 'sync', args: [], effect: 'write' });
  },
};

/** Modules in the core image: enough to find /boot in an array or a volume group on any disk. */
const CORE_MODULES = [
  'biosdisk',
  'part_gpt',
  'mdraid1x',
  'raid5rec',
  'raid6rec',
  'lvm',
  'ext2',
  'xfs',
  'search_fs_uuid',
];

/** Modules that only some layouts take. */
function modulesFor(model: StorageModel): readonly string[] {
  const { device } = bootVolume(model);
  const type = model.fileSystems.find((one) => one.device === device)?.type;
  return [
    ...(model.disks.some(({ label }) => label === 'mbr') ? ['part_msdos'] : []),
    ...(type === 'xfs' ? ['xfs'] : []),
    ...(model.volumeGroups.some(({ volumes }) => volumes.some((one) => one.device === device))
      ? ['lvm']
      : []),
  ];
}

const HASH = { iterations: 10_000, bytes: 64 } as const;

/** As grub-mkpasswd-pbkdf2 makes it, with its defaults. */
function grubHash(password: string): string {
  const salt = randomBytes(HASH.bytes);
  const key = pbkdf2Sync(password, salt, HASH.iterations, HASH.bytes, 'sha512');
  const hex = (bytes: Buffer): string => bytes.toString('hex').toUpperCase();
  return `grub.pbkdf2.sha512.${HASH.iterations}.${hex(salt)}.${hex(key)}`;
}

const GRUB_FILES = '/usr/lib/grub/i386-pc';
const GRUB_FOLDER = '/boot/grub/i386-pc';

/**
 * Fills /boot/grub/i386-pc and makes core.img there, whose early configuration names /boot by its UUID. The same work
 * as grub-install's, which takes 9 s under emulation to ask every device what the model already says.
 */
async function makeCoreImage(machine: Machine, config: string, model: StorageModel): Promise<void> {
  await machine.exec({
    file: 'cp',
    args: ['--recursive', '--no-target-directory', onTarget(GRUB_FILES), onTarget(GRUB_FOLDER)],
    effect: 'write',
  });
  const early = `${GRUB_FOLDER}/load.cfg`;
  await machine.writeFile(onTarget(early), config);
  await machine.exec({
    file: 'chroot',
    args: [
      ...[TARGET, 'grub-mkimage', '--format=i386-pc', `--directory=${GRUB_FILES}`],
      // Only where the early configuration fails is a prefix without a device asked for: GRUB's rescue shell.
      ...['--prefix=/boot/grub', `--config=${early}`, `--output=${GRUB_FOLDER}/core.img`],
      ...new Set([...CORE_MODULES, ...modulesFor(model)]),
    ],
    effect: 'write',
  });
}

/** Writes boot.img to the disk's MBR and core.img to its BIOS boot partition. */
async function embedCoreImage(machine: Machine, disk: string): Promise<void> {
  await machine.exec({
    file: 'chroot',
    args: [
      TARGET,
      `${GRUB_FILES}/grub-bios-setup`,
      // Without the probe for file systems: the disk guard has judged the disk, and the table on it is ours.
      '--skip-fs-probe',
      // Redundancy is for the gap behind an MBR, which other programs write to; working it out takes 3 s.
      '--no-rs-codes',
      `--directory=${GRUB_FOLDER}`,
      disk,
    ],
    effect: 'write',
    timeoutMs: 300_000,
  });
}

async function installForUefi(machine: Machine, config: string): Promise<void> {
  for (const [from, to] of ESP_FILES) {
    await machine.exec({
      file: 'install',
      args: ['-D', '-m', '0644', onTarget(from), onTarget(`/boot/efi/${to}`)],
      effect: 'write',
    });
  }
  await machine.writeFile(onTarget('/boot/efi/EFI/debian/grub.cfg'), config);
}

/** One entry of the firmware's boot menu per disk, so that it also starts from the second one by itself. */
async function createEntries(machine: Machine, { model, node }: Installation): Promise<void> {
  const members = await bootMembers(machine, model);
  const { withoutEntry } = await proveBootLoaders(machine, members, { bootFolder: onTarget('/boot') });
  // The firmware puts the newest entry first: the first disk is entered last.
  for (const { disk, esp } of withoutEntry.toReversed()) {
    if (esp === undefined) continue;
    await machine.exec({
      file: 'efibootmgr',
      args: [
        '--quiet',
        '--create',
        '--disk',
        disk,
        '--part',
        String(esp.number),
        '--label',
        `${node} disk ${members.findIndex((member) => member.disk === disk) + 1}`,
        '--loader',
        '\\EFI\\debian\\shimx64.efi',
      ],
      effect: 'write',
    });
  }
}

async function wantedConfig(
  machine: Machine,
  { model, config, node }: Installation,
): Promise<{ readonly main: string; readonly esp: string; readonly core: string }> {
  const names = await machine.list(onTarget('/boot'));
  const kernel = names.find((name) => name.startsWith('vmlinuz-'));
  const initrd = names.find((name) => name.startsWith('initrd.img-'));
  if (kernel === undefined || initrd === undefined) {
    throw new StepFailure('verify-failed', 'the image brought no kernel and initramfs to /boot');
  }
  const ids = await deviceIds(machine, model);
  const { device, folder } = bootVolume(model);
  const volume = {
    ...{ uuid: ids.fileSystem(device), folder, modules: modulesFor(model) },
    locked: model.boot.password !== undefined,
  };
  const facts = { title: `${node}, Linux ${kernel.slice('vmlinuz-'.length)}`, kernel, initrd };
  return {
    main: grubConfig(facts, kernelArguments(model, ids, config), config.bootTimeout, volume),
    esp: espGrubConfig(volume),
    core: coreGrubConfig(volume),
  };
}
