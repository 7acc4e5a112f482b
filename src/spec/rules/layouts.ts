/** Rules about layouts: which volumes they hold and what each volume may say. */
import type { Finding, KeyPath, Rule } from '../finding.ts';
import { isLogical, volumeKey } from '../footprint.ts';
import { clusteredMount, mountPointOf } from '../mounts.ts';
import type { LayoutSpec, VolumeRole, VolumeSpec } from '../schema.ts';
import { formatSize } from '../size.ts';
import { listedTwice, repeated } from './repeated.ts';

interface PlacedVolume {
  readonly volume: VolumeSpec;
  readonly path: KeyPath;
}

type LayoutRule = (layout: LayoutSpec, name: string, volumes: readonly PlacedVolume[]) => readonly Finding[];

function forEachLayout(rule: LayoutRule): Rule {
  return (spec) =>
    Object.entries(spec.layouts).flatMap(([name, layout]) =>
      rule(
        layout,
        name,
        layout.volumes.map((volume, i) => ({ volume, path: ['layouts', name, 'volumes', i] })),
      ),
    );
}

const neededVolumes = forEachLayout((layout, name) => {
  const needed: readonly VolumeRole[] = [
    ...(layout.firmware.includes('uefi') ? (['esp'] as const) : []),
    'boot',
    'root',
  ];
  return needed
    .filter((role) => layout.volumes.every((volume) => volume.role !== role))
    .map((role) => ({
      path: ['layouts', name, 'volumes'],
      at: 'key' as const,
      rule: 'missing-volume',
      message: `the layout '${name}' has no ${role} volume${role === 'esp' ? ', which UEFI boots from' : ''}`,
      hint: `add { role: ${role}, size: ${{ esp: '600 MiB', boot: '1 GiB' }[String(role)] ?? '20 GiB'} }`,
    }));
});

const oneOfEach = forEachLayout((_layout, name, volumes) =>
  repeated(
    volumes.filter(({ volume }) => volume.role !== 'data'),
    ({ volume }) => volume.role,
  ).map(({ again }) => ({
    path: [...again.path, 'role'],
    rule: again.volume.role === 'clustered' ? 'two-clustered' : 'duplicate-volume',
    message:
      again.volume.role === 'clustered'
        ? `the layout '${name}' has a second clustered volume: nothing says which one the pair replicates`
        : `the layout '${name}' has a second ${again.volume.role} volume`,
    hint: 'keep one; volumes of your own have the role data',
  })),
);

const uniqueVolumeNames = forEachLayout((_layout, name, volumes) =>
  repeated(
    volumes.filter(({ volume }) => volume.role === 'data'),
    ({ volume }) => volumeKey(volume),
  ).map(({ again }) => ({
    path: again.volume.name === undefined ? [...again.path, 'role'] : [...again.path, 'name'],
    rule: 'duplicate-name',
    message: `the layout '${name}' has two data volumes called '${volumeKey(again.volume)}'`,
    hint: 'give each data volume a name of its own',
  })),
);

const RESERVED_KEYS = ['biosboot', 'pv', 'esp', 'boot', 'root', 'swap', 'clustered'];

const freeVolumeNames = forEachLayout((_layout, _name, volumes) =>
  volumes
    .filter(({ volume }) => RESERVED_KEYS.includes(volume.name ?? ''))
    .map(({ volume, path }) => ({
      path: [...path, 'name'],
      rule: 'reserved-name',
      message: `a data volume cannot be named '${volume.name}': that is another partition's name`,
    })),
);

/** Which roles may carry a key; everything else follows from the role. */
const KEYS_OF_ROLES: readonly { key: keyof VolumeSpec; roles: readonly VolumeRole[] }[] = [
  { key: 'name', roles: ['data'] },
  { key: 'mount', roles: ['data', 'clustered'] },
  { key: 'fileSystem', roles: ['root', 'data', 'clustered'] },
  { key: 'encrypted', roles: ['root', 'data', 'swap'] },
];

const mayCarry = (key: keyof VolumeSpec, role: VolumeRole): boolean =>
  KEYS_OF_ROLES.find((one) => one.key === key)?.roles.includes(role) ?? true;

/**
 * A spec holds no passphrase and neither does a medium. Anaconda asks for one on the console; the embedded installer
 * works without anybody there.
 */
const encryptedOnEmbedded: Rule = (spec) =>
  spec.release !== 'embedded'
    ? []
    : forEachLayout((_layout, _name, volumes) =>
        volumes
          .filter(({ volume }) => volume.encrypted && mayCarry('encrypted', volume.role))
          .map(({ path }) => ({
            path: [...path, 'encrypted'],
            rule: 'encrypted-on-embedded',
            message: 'the embedded base does not ask for a passphrase, so it cannot encrypt this volume',
            hint: "leave 'encrypted' out, or render for a vendor's release, whose installer asks",
          })),
      )(spec);

const keysFitRole = forEachLayout((_layout, _name, volumes) =>
  volumes.flatMap(({ volume, path }) =>
    KEYS_OF_ROLES.filter(({ key }) => Boolean(volume[key]) && !mayCarry(key, volume.role)).map(
      ({ key, roles }) => ({
        path: [...path, key],
        at: 'key' as const,
        rule: 'key-not-for-role',
        message: `'${key}' is not for a volume of role ${volume.role}`,
        hint: `it is for ${roles.join(', ')}`,
      }),
    ),
  ),
);

const FIXED: readonly VolumeRole[] = ['esp', 'boot', 'swap'];

const growingRoles = forEachLayout((_layout, _name, volumes) =>
  volumes
    .filter(({ volume }) => volume.size === 'rest' && FIXED.includes(volume.role))
    .map(({ volume, path }) => ({
      path: [...path, 'size'],
      rule: 'cannot-grow',
      message: `a volume of role ${volume.role} has a fixed size`,
      hint: 'let root, data or clustered take the rest',
    })),
);

const oneGrows = forEachLayout((_layout, name, volumes) =>
  volumes
    .filter(({ volume }) => volume.size === 'rest')
    .slice(1)
    .map(({ path }) => ({
      path: [...path, 'size'],
      rule: 'two-growing',
      message: `the layout '${name}' has a second volume that takes the rest`,
      hint: 'give all but one a size',
    })),
);

const boundsFitGrowth = forEachLayout((_layout, _name, volumes) =>
  volumes.flatMap(({ volume, path }) => {
    const { size, atLeast, atMost } = volume;
    if (size !== 'rest') {
      return (['atLeast', 'atMost'] as const)
        .filter((key) => volume[key] !== undefined)
        .map((key) => ({
          path: [...path, key],
          at: 'key' as const,
          rule: 'bound-without-rest',
          message: `'${key}' is for a volume that takes the rest; this one has a size`,
        }));
    }
    if (atLeast === undefined || atMost === undefined || atLeast <= atMost) return [];
    const message = `atMost (${formatSize(atMost)}) is below atLeast (${formatSize(atLeast)})`;
    return [{ path: [...path, 'atMost'], rule: 'bad-range', message }];
  }),
);

/**
 * MiB below which a volume cannot do its work: FAT32 and two boot loaders; two kernels with their initramfs; the
 * installed base; anything.
 */
const LEAST_MIB: Readonly<Record<VolumeRole, number>> = {
  esp: 100,
  boot: 300,
  root: 1024,
  swap: 16,
  data: 32,
  clustered: 32,
};

const largeEnough = forEachLayout((_layout, _name, volumes) =>
  volumes.flatMap(({ volume, path }) => {
    const key = volume.size === 'rest' ? 'atLeast' : 'size';
    const size = volume.size === 'rest' ? volume.atLeast : volume.size;
    const least = LEAST_MIB[volume.role];
    if (size === undefined || size >= least) return [];
    return [
      {
        path: [...path, key],
        rule: 'volume-too-small',
        message: `${formatSize(size)} is too small for a volume of role ${volume.role}`,
        hint: `it needs at least ${formatSize(least)}`,
      },
    ];
  }),
);

/** Folders the system needs before data volumes are mounted, or that are no place on a disk. */
const RESERVED_MOUNTS = [
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib64',
  '/bin',
  '/sbin',
  '/proc',
  '/run',
  '/sys',
  '/usr',
];

/** Volumes whose place is the user's to choose. */
const OWN_MOUNTS: readonly VolumeRole[] = ['data', 'clustered'];

const placeOf = (volume: VolumeSpec): string =>
  volume.role === 'clustered' ? clusteredMount(volume) : (mountPointOf(volume) ?? '');

const freeMounts = forEachLayout((_layout, _name, volumes) =>
  volumes.flatMap(({ volume, path }) => {
    if (!OWN_MOUNTS.includes(volume.role)) return [];
    const top = `/${volume.mount?.split('/')[1] ?? ''}`;
    if (!RESERVED_MOUNTS.includes(top)) return [];
    return [
      {
        path: [...path, 'mount'],
        rule: 'bad-mount',
        message: `a ${volume.role} volume cannot be mounted at ${volume.mount}`,
      },
    ];
  }),
);

const uniqueMounts = forEachLayout((_layout, _name, volumes) =>
  repeated(
    volumes.filter(({ volume }) => OWN_MOUNTS.includes(volume.role)),
    ({ volume }) => placeOf(volume),
  )
    // A second clustered volume is told as such.
    .filter(({ first, again }) => first.volume.role === 'data' || again.volume.role === 'data')
    .map(({ first, again }) => ({
      path: again.volume.mount === undefined ? [...again.path, 'role'] : [...again.path, 'mount'],
      rule: 'duplicate-mount',
      message: `${placeOf(again.volume)} is the mount point of '${volumeKey(first.volume)}' already`,
      hint: 'give each volume a mount of its own',
    })),
);

const sparesNeedRaid = forEachLayout((layout, name) =>
  layout.spares > 0 && layout.kind === 'single'
    ? [
        {
          path: ['layouts', name, 'spares'],
          rule: 'raid-disks',
          message: 'a layout of kind single has no spares',
        },
      ]
    : [],
);

const groupHoldsSomething = forEachLayout((layout, name) =>
  layout.volumeGroup !== undefined && !layout.volumes.some((volume) => isLogical(layout, volume))
    ? [
        {
          path: ['layouts', name, 'volumeGroup'],
          rule: 'empty-volume-group',
          message: `the volume group '${layout.volumeGroup}' holds no volume`,
          hint: 'root, swap and data go into it',
        },
      ]
    : [],
);

const distinctFirmware = forEachLayout((layout, name) =>
  listedTwice(layout.firmware, ['layouts', name, 'firmware']),
);

export const layoutRules: readonly Rule[] = [
  encryptedOnEmbedded,
  neededVolumes,
  oneOfEach,
  uniqueVolumeNames,
  freeVolumeNames,
  keysFitRole,
  growingRoles,
  oneGrows,
  boundsFitGrowth,
  largeEnough,
  freeMounts,
  uniqueMounts,
  sparesNeedRaid,
  groupHoldsSomething,
  distinctFirmware,
];
