/** Rules about sizes: what does not fit, and what growing leaves to others. */
import { type Capacities, capacities } from '../capacity.ts';
import type { PartitionView, StorageView, VolumeView } from '../storage.ts';
import { diskName, lastValue } from '../storage.ts';
import type { LintView, PracticeFinding, PracticeRule } from '../types.ts';

/** A share below this is not what anybody wants. */
const SMALL_SHARE = 0.05;

export const SIZE_RULES: readonly PracticeRule[] = [
  {
    name: 'does-not-fit',
    severity: 'error',
    title: 'The sizes fit the disks and the volume groups.',
    why: 'The installer adds up only after it has cleared the disks. Disks are declared with --disks; volume groups are added up without it where the file says how large their members are.',
    remedy: 'make it smaller, or declare larger disks with --disks',
    wrong: `part pv.01 --size=8192
volgroup system pv.01
logvol / --vgname=system --name=root --size=6144
logvol /srv --vgname=system --name=srv --size=4096`,
    right: `part pv.01 --size=12288
volgroup system pv.01
logvol / --vgname=system --name=root --size=6144
logvol /srv --vgname=system --name=srv --size=4096`,
    check: (view) => {
      if (view.storage.open) return [];
      const known = capacities(view.storage, view.options.disksMiB);
      return [...tooManyDisks(view), ...overfullDisks(view, known), ...overfullGroups(view.storage, known)];
    },
  },
  {
    name: 'grow-leaves-nothing',
    severity: 'warning',
    title: 'What grows leaves room for the others.',
    why: 'Free space is shared in proportion to --size: beside `--size=20480 --grow` a `--size=100 --grow` stays at next to nothing. `--percent=100` of a volume group leaves the next volume nothing at all.',
    remedy: 'give growing requests similar sizes, or a --maxsize; let percentages add up to 100 at most',
    wrong: `part / --fstype=xfs --size=20480 --grow --ondisk=ata-A
part /srv --fstype=xfs --size=100 --grow --ondisk=ata-A`,
    right: `part / --fstype=xfs --size=20480 --ondisk=ata-A
part /srv --fstype=xfs --size=100 --grow --ondisk=ata-A`,
    check: ({ storage }) => [
      ...groupBy(
        storage.partitions.filter(({ existing }) => !existing),
        ({ disk }) => disk ?? '',
      ).flatMap(smallShares),
      ...groupBy(ordinaryVolumes(storage), ({ group }) => group?.text ?? '').flatMap((volumes) => [
        ...smallShares(volumes),
        ...percentages(volumes),
      ]),
    ],
  },
];

function tooManyDisks({ storage, options }: LintView): readonly PracticeFinding[] {
  const { disksMiB } = options;
  if (disksMiB === undefined || storage.disks.length <= disksMiB.length) return [];
  const extra = storage.disks[disksMiB.length];
  const at = storage.diskWords.find(({ text }) => diskName(text) === extra);
  if (at === undefined) return [];
  return [{ at, message: `${storage.disks.length} disks are named, but ${disksMiB.length} declared` }];
}

function overfullDisks({ storage }: LintView, known: Capacities): readonly PracticeFinding[] {
  const placed = storage.partitions.filter(({ existing }) => !existing);
  return groupBy(placed, ({ disk }) => disk ?? '').flatMap((partitions) => {
    const disk = partitions[0]?.disk;
    const room = disk === undefined ? known.allDisks : known.disk(disk);
    return room === undefined ? [] : overflow(partitions, room, disk ?? 'all disks together');
  });
}

function overfullGroups(storage: StorageView, known: Capacities): readonly PracticeFinding[] {
  return groupBy(ordinaryVolumes(storage), ({ group }) => group?.text ?? '').flatMap((volumes) => {
    const name = volumes[0]?.group?.text ?? '';
    const room = known.group(name);
    return room === undefined ? [] : overflow(volumes, room, `the volume group ${name}`);
  });
}

/** The first request that no longer fits. */
function overflow(
  requests: readonly (PartitionView | VolumeView)[],
  room: number,
  where: string,
): readonly PracticeFinding[] {
  let used = 0;
  for (const { line, sizeMiB } of requests) {
    used += sizeMiB ?? 0;
    if (used <= room) continue;
    const total = requests.reduce((sum, request) => sum + (request.sizeMiB ?? 0), 0);
    const at = lastValue(line, '--size') ?? line;
    return [{ at, message: `${total} MiB are asked for, but ${where} has room for ${Math.floor(room)} MiB` }];
  }
  return [];
}

function smallShares(requests: readonly (PartitionView | VolumeView)[]): readonly PracticeFinding[] {
  const growing = requests.filter(({ grow, maxSizeMiB }) => grow && maxSizeMiB === undefined);
  const total = growing.reduce((sum, { sizeMiB }) => sum + (sizeMiB ?? 1), 0);
  return growing
    .filter(({ sizeMiB }) => (sizeMiB ?? 1) / total < SMALL_SHARE)
    .map(({ line, sizeMiB }) => {
      const share = (((sizeMiB ?? 1) / total) * 100).toFixed(1);
      return {
        at: lastValue(line, '--size') ?? line,
        message: `this grows by ${share} % of the free space only`,
      };
    });
}

function percentages(volumes: readonly VolumeView[]): readonly PracticeFinding[] {
  let sum = 0;
  for (const { line, percent } of volumes) {
    sum += percent ?? 0;
    if (sum > 100)
      return [{ at: lastValue(line, '--percent') ?? line, message: `the percentages add up to ${sum}` }];
  }
  const sized = volumes.find(
    ({ percent, grow, sizeMiB }) => percent === undefined && (grow || (sizeMiB ?? 0) > 0),
  );
  if (sum < 100 || sized === undefined) return [];
  return [{ at: sized.line, message: 'the percentages of the other volumes leave nothing for this one' }];
}

/** Volumes that take their space from the group itself: no thin volumes, nothing that exists. */
function ordinaryVolumes({ volumes }: StorageView): readonly VolumeView[] {
  return volumes.filter(({ existing, pool, isPool }) => !existing && (pool === undefined || isPool));
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
