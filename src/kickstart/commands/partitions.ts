/** Disks and partitions. */
import {
  type Check,
  type CommandSpec,
  choice,
  EVERYWHERE,
  FROM_RHEL10,
  flag,
  integer,
  list,
  RHEL,
  restricts,
  text,
  type When,
} from '../spec.ts';
import { normalizeMountPoint } from '../values.ts';
import { atMostOne, conflict, needs, useless, wordOf } from './checks.ts';
import { HARDWARE_PASSPHRASE, hardwarePassphraseNeedsOpal, LUKS_CHECKS, LUKS_OPTIONS } from './encryption.ts';

const SCHEMES = ['lvm', 'btrfs', 'plain', 'partition', 'thinp'];

const autopartFileSystem: Check = (line) => {
  const scheme = line.value('--type')?.toLowerCase();
  const btrfs = scheme === 'btrfs' && !line.has('--nolvm');
  if (line.value('--fstype') === 'btrfs') {
    return conflict(line, '--fstype', 'btrfs is not a file system of autopart', 'write --type=btrfs');
  }
  if (btrfs && line.has('--fstype'))
    return conflict(line, '--fstype', '--fstype and --type=btrfs exclude each other');
  if (btrfs && restricts(RHEL, line.release)) {
    return { rule: 'unsupported', message: 'btrfs is not supported by RHEL', at: wordOf(line, '--type') };
  }
  return undefined;
};

/** The releases that refuse btrfs here; RHEL 10 lets it pass on a RAID array. */
export function noBtrfs(when: When): Check {
  return (line) => {
    if (!restricts(when, line.release)) return undefined;
    const member = line.line.positionals[0];
    const isMember = line.line.name.startsWith('part') && member?.text.startsWith('btrfs.') === true;
    if (line.value('--fstype') !== 'btrfs' && !isMember) return undefined;
    return {
      rule: 'unsupported',
      message: 'btrfs is not supported by RHEL',
      at: wordOf(line, '--fstype') ?? member,
    };
  };
}

const tmpfsHasNoSize: Check = (line) => {
  if (line.value('--fstype') !== 'tmpfs') return undefined;
  const option = ['--grow', '--maxsize'].find((name) => line.has(name));
  return option === undefined
    ? undefined
    : conflict(line, option, `${option} and --fstype=tmpfs exclude each other`);
};

const absoluteMountPoint: Check = (line) => {
  const mountPoint = line.line.positionals[1];
  if (
    mountPoint === undefined ||
    mountPoint.text.startsWith('/') ||
    mountPoint.text.toLowerCase() === 'none'
  ) {
    return undefined;
  }
  const hint = "write an absolute path, or 'none' to leave the device unmounted";
  return { rule: 'invalid-value', message: `'${mountPoint.text}' is no mount point`, at: mountPoint, hint };
};

const oneDiskList: Check = (line) => {
  const used = ['--drives', '--only-use'].filter((option) => line.has(option));
  if (used.length === 1) return undefined;
  const message =
    used.length === 0
      ? 'one of --drives, --only-use is required'
      : '--drives and --only-use exclude each other';
  return { rule: used.length === 0 ? 'missing-option' : 'option-conflict', message };
};

const snapshotOrigin: Check = (line) => {
  const origin = line.line.positionals[0];
  if (origin === undefined || /^[^/]+\/[^/]+$/s.test(origin.text)) return undefined;
  const hint = 'write VOLUMEGROUP/LOGICALVOLUME';
  return {
    rule: 'invalid-value',
    message: `'${origin.text}' does not name a logical volume`,
    at: origin,
    hint,
  };
};

export const PARTITIONS: readonly CommandSpec[] = [
  {
    names: ['autopart'],
    summary: 'Partitions the disks without further instructions.',
    excludes: [{ commands: ['partition', 'raid', 'volgroup', 'logvol', 'reqpart'] }],
    options: [
      ...LUKS_OPTIONS,
      HARDWARE_PASSPHRASE,
      flag('--nolvm'),
      choice('--type', SCHEMES, { anyCase: true, sticky: true }),
      text('--fstype', { sticky: true }),
      flag('--nohome'),
      flag('--noboot'),
      flag('--noswap'),
      flag('--hibernation', { in: FROM_RHEL10 }),
    ],
    checks: [
      ...LUKS_CHECKS,
      autopartFileSystem,
      atMostOne('--noswap', '--hibernation'),
      hardwarePassphraseNeedsOpal,
    ],
  },
  {
    names: ['clearpart'],
    summary: 'Removes partitions before new ones are made.',
    options: [
      flag('--all'),
      flag('--linux'),
      flag('--none'),
      list('--list'),
      list('--drives'),
      flag('--initlabel'),
      text('--disklabel'),
      flag('--cdl'),
    ],
  },
  {
    names: ['ignoredisk'],
    summary: 'Hides disks from the installer.',
    options: [
      list('--drives', { sticky: true }),
      list('--only-use', { sticky: true }),
      flag('--interactive', { in: ['rhel8'], deprecated: ['rhel8'] }),
    ],
    checks: [oneDiskList],
  },
  {
    names: ['partition', 'part'],
    summary: 'Makes a partition.',
    excludes: [{ commands: ['autopart', 'mount'] }],
    positionals: [{ name: 'mount point', count: 'one' }],
    options: [
      integer('--size', { unit: 'MiB' }),
      flag('--grow'),
      integer('--maxsize', { unit: 'MiB' }),
      flag('--recommended'),
      flag('--hibernation'),
      text(['--ondisk', '--ondrive']),
      text(['--onpart', '--usepart']),
      text('--onbiosdisk'),
      flag('--asprimary'),
      flag('--active', { in: ['rhel8'], deprecated: ['rhel8'] }),
      text(['--fstype', '--type']),
      text('--fsoptions'),
      text('--mkfsoptions'),
      text('--fsprofile'),
      text('--label'),
      flag('--noformat'),
      flag('--resize'),
      ...LUKS_OPTIONS,
      HARDWARE_PASSPHRASE,
    ],
    unique: {
      what: 'partition with the mount point',
      key: ({ line }) => {
        const mountPoint = normalizeMountPoint(line.positionals[0]?.text ?? 'swap');
        return mountPoint === 'swap' ? undefined : mountPoint;
      },
    },
    checks: [
      needs('--resize', '--onpart', 'only an existing partition can change its size'),
      needs('--resize', '--size', 'the new size'),
      tmpfsHasNoSize,
      useless('--mkfsoptions', '--noformat'),
      atMostOne('--mkfsoptions', '--fsprofile'),
      ...LUKS_CHECKS,
      hardwarePassphraseNeedsOpal,
      noBtrfs(RHEL),
    ],
  },
  {
    names: ['reqpart'],
    summary: 'Makes the partitions that the platform demands.',
    excludes: [{ commands: ['autopart', 'mount'] }],
    options: [flag('--add-boot')],
  },
  {
    names: ['mount'],
    summary: 'Assigns a mount point to an existing device.',
    excludes: [{ commands: ['autopart', 'partition', 'raid', 'volgroup', 'logvol', 'reqpart'] }],
    positionals: [
      { name: 'device', count: 'one' },
      { name: 'mount point', count: 'one' },
    ],
    options: [text('--reformat', { valueOptional: true }), text('--mkfsoptions'), text('--mountoptions')],
    checks: [
      absoluteMountPoint,
      (line) =>
        line.has('--mkfsoptions') && line.value('--reformat') === undefined
          ? conflict(line, '--mkfsoptions', '--mkfsoptions needs --reformat')
          : undefined,
    ],
  },
  {
    names: ['snapshot'],
    summary: 'Makes a snapshot of a thin logical volume.',
    positionals: [{ name: 'origin', count: 'one' }],
    options: [
      text('--name', { required: EVERYWHERE }),
      choice('--when', ['post-install', 'pre-install'], {
        anyCase: true,
        required: EVERYWHERE,
      }),
    ],
    unique: { what: 'snapshot named', key: (line) => line.value('--name') },
    checks: [snapshotOrigin],
  },
  { names: ['zerombr'], summary: 'Initializes disks whose partition table is not valid.' },
];
