/** Software RAID, LVM and btrfs. */
import {
  type Check,
  type CommandSpec,
  choice,
  EVERYWHERE,
  type Finding,
  flag,
  integer,
  list,
  type OptionSpec,
  RHEL,
  restricts,
  text,
} from '../spec.ts';
import { normalizeMountPoint } from '../values.ts';
import { atMostOne, conflict, needs, useless } from './checks.ts';
import { LUKS_CHECKS, LUKS_OPTIONS } from './encryption.ts';
import { noBtrfs } from './partitions.ts';

const FILE_SYSTEM: readonly OptionSpec[] = [
  text('--fstype'),
  text('--fsoptions'),
  text('--mkfsoptions'),
  text('--fsprofile'),
  text('--label'),
];

const RAID_LEVELS = ['0', '1', '4', '5', '6', '10'].flatMap((level) => [level, `raid${level}`]);
const BTRFS_LEVELS = ['raid0', '0', 'raid1', '1', 'raid10', '10', 'single'];

/** Until RHEL 9 and Fedora 42 a leading `md` is not part of an array's name. */
const MD_IS_DROPPED = ['rhel8', 'rhel9', 'fedora41', 'fedora42'] as const;

const raidMembers: Check = (line) => {
  const members = line.line.positionals.slice(1);
  const existing = line.has('--useexisting') || line.has('--noformat');
  if (existing && members[0] !== undefined) {
    return {
      rule: 'unexpected-argument',
      message: 'an existing array is named without its members',
      at: members[0],
    };
  }
  if (existing) return raidName(line.value('--device'), line.release) === '' ? missingDevice : undefined;
  if (members.length === 0) {
    return {
      rule: 'missing-argument',
      message: 'the member partitions are missing',
      hint: 'add them behind the options',
    };
  }
  return line.has('--level')
    ? undefined
    : { rule: 'missing-option', message: "'--level' is required for a new array" };
};

const missingDevice: Finding = {
  rule: 'missing-option',
  message: "'--device' is required for an existing array",
};

function raidName(device: string | undefined, release: Parameters<typeof restricts>[1]): string | undefined {
  return restricts(MD_IS_DROPPED, release) ? device?.replace(/^md/, '') : device;
}

const volumeGroupMembers: Check = (line) => {
  const [name, member] = line.line.positionals;
  const existing = line.has('--useexisting') || line.has('--noformat');
  if (name === undefined)
    return { rule: 'missing-argument', message: 'the name of the volume group is missing' };
  if (existing && member !== undefined) {
    return {
      rule: 'unexpected-argument',
      message: 'an existing volume group is named without its members',
      at: member,
    };
  }
  if (existing || member !== undefined) return undefined;
  return {
    rule: 'missing-argument',
    message: 'the physical volumes are missing',
    hint: 'name at least one pv.*',
  };
};

const logicalVolumeSize: Check = (line) => {
  const sized = ['--size', '--percent', '--recommended', '--hibernation', '--useexisting', '--noformat'];
  if (sized.some((option) => line.has(option))) return undefined;
  return { rule: 'missing-option', message: `a logical volume needs one of ${sized.join(', ')}` };
};

const thinPoolsOnly: Check = (line) => {
  const option = ['--chunksize', '--metadatasize'].find((name) => line.has(name));
  if (option === undefined || line.has('--thinpool')) return undefined;
  return conflict(line, option, `${option} is for thin pools only`, 'add --thinpool');
};

const resizeExisting: Check = (line) =>
  line.has('--resize') && !line.has('--useexisting') && !line.has('--noformat')
    ? conflict(line, '--resize', '--resize needs --useexisting')
    : undefined;

const CACHE = ['--cachesize', '--cachemode', '--cachepvs'];

const cache: Check = (line) => {
  const option = CACHE.find((name) => line.has(name));
  if (option === undefined) return undefined;
  if (line.has('--useexisting') || line.has('--noformat')) {
    return conflict(line, option, 'an existing logical volume cannot be given a cache');
  }
  if (line.has('--thin')) return conflict(line, option, 'a thin volume cannot have a cache');
  if (!line.has('--cachepvs')) return conflict(line, option, 'a cache needs --cachepvs');
  if (!line.has('--cachesize')) return conflict(line, option, 'a cache needs --cachesize');
  const mode = line.value('--cachemode') ?? '';
  if (mode === '' || mode === 'writeback' || mode === 'writethrough') return undefined;
  return conflict(line, '--cachemode', `'${mode}' is neither writeback nor writethrough`);
};

const btrfsMembers: Check = (line) => {
  const [mountPoint, device] = line.line.positionals;
  if (mountPoint === undefined) return { rule: 'missing-argument', message: 'the mount point is missing' };
  if (device === undefined) {
    const what = line.has('--subvol') ? 'parent volume' : 'partitions';
    return { rule: 'missing-argument', message: `the ${what} of the btrfs volume are missing` };
  }
  if (line.has('--subvol') && !line.has('--name'))
    return { rule: 'missing-option', message: 'a subvolume needs --name' };
  return undefined;
};

export const RAID_AND_LVM: readonly CommandSpec[] = [
  {
    names: ['raid'],
    summary: 'Makes a software RAID array.',
    excludes: [{ commands: ['autopart', 'mount'] }],
    positionals: [
      { name: 'mount point', count: 'one' },
      { name: 'members', count: 'many' },
    ],
    extra: 'words',
    options: [
      text('--device', { required: EVERYWHERE }),
      choice('--level', RAID_LEVELS, { anyCase: true }),
      integer('--spares'),
      integer('--chunksize', { unit: 'KiB' }),
      flag('--useexisting'),
      flag('--noformat'),
      ...FILE_SYSTEM,
      ...LUKS_OPTIONS,
    ],
    unique: { what: 'array named', key: (line) => raidName(line.value('--device'), line.release) },
    checks: [
      raidMembers,
      useless('--mkfsoptions', '--noformat'),
      atMostOne('--mkfsoptions', '--fsprofile'),
      ...LUKS_CHECKS,
      noBtrfs(['rhel8', 'rhel9']),
    ],
  },
  {
    names: ['volgroup'],
    summary: 'Makes an LVM volume group.',
    excludes: [{ commands: ['autopart', 'mount'] }],
    positionals: [{ name: 'name and physical volumes', count: 'many' }],
    extra: 'any',
    options: [
      integer('--pesize', { unit: 'KiB' }),
      integer('--reserved-space', { unit: 'MiB', min: 0 }),
      integer('--reserved-percent', { unit: '%', min: 1, max: 99 }),
      flag('--useexisting'),
      flag('--noformat'),
    ],
    unique: { what: 'volume group named', key: ({ line }) => line.positionals[0]?.text },
    checks: [volumeGroupMembers],
  },
  {
    names: ['logvol'],
    summary: 'Makes an LVM logical volume.',
    excludes: [{ commands: ['autopart', 'mount'] }],
    positionals: [{ name: 'mount point', count: 'one' }],
    options: [
      text('--vgname', { required: EVERYWHERE }),
      text('--name', { required: EVERYWHERE }),
      integer('--size', { unit: 'MiB' }),
      integer('--percent', { unit: '%', min: 0, max: 100 }),
      flag('--grow'),
      integer('--maxsize', { unit: 'MiB' }),
      flag('--recommended'),
      flag('--hibernation'),
      flag('--thinpool'),
      flag('--thin'),
      text('--poolname'),
      integer('--metadatasize', { unit: 'MiB' }),
      integer('--chunksize', { unit: 'KiB' }),
      text('--profile'),
      list('--cachepvs'),
      integer('--cachesize', { unit: 'MiB' }),
      text('--cachemode'),
      flag('--useexisting'),
      flag('--noformat'),
      flag('--resize'),
      ...FILE_SYSTEM,
      ...LUKS_OPTIONS,
    ],
    unique: {
      what: 'logical volume named',
      key: (line) => JSON.stringify([line.value('--vgname'), line.value('--name')]),
    },
    checks: [
      resizeExisting,
      needs('--resize', '--size', 'the new size'),
      atMostOne('--thin', '--thinpool'),
      needs('--thin', '--poolname', 'the pool that the volume lives in'),
      thinPoolsOnly,
      logicalVolumeSize,
      atMostOne('--size', '--percent'),
      cache,
      useless('--mkfsoptions', '--noformat'),
      atMostOne('--mkfsoptions', '--fsprofile'),
      ...LUKS_CHECKS,
      noBtrfs(RHEL),
    ],
  },
  {
    names: ['btrfs'],
    summary: 'Makes a btrfs volume or subvolume.',
    deprecated: ['rhel8', 'rhel9'],
    removed: ['rhel10'],
    extra: 'words',
    options: [
      flag('--subvol'),
      text('--parent'),
      text('--name'),
      text('--label'),
      choice('--data', BTRFS_LEVELS, { anyCase: true }),
      choice('--metadata', BTRFS_LEVELS, { anyCase: true }),
      text('--mkfsoptions'),
      flag('--useexisting'),
      flag('--noformat'),
    ],
    unique: {
      what: 'btrfs volume with the mount point',
      key: ({ line }) => normalizeMountPoint(line.positionals[0]?.text ?? ''),
    },
    checks: [btrfsMembers, useless('--mkfsoptions', '--noformat'), useless('--mkfsoptions', '--useexisting')],
  },
];
