/** Gives every requested partition its disk, its size and its number. Everything is counted in MiB. */
import { share } from './grow.ts';
import type { ExistingPartition, PartitionRole } from './model.ts';
import type { ClearedDisk } from './model-clear.ts';
import { type Refuse, targetOf } from './model-contents.ts';
import { freeRegions, type Region } from './model-regions.ts';
import type { Ground, PartitionRequest } from './model-requests.ts';

export interface Placed {
  readonly request: PartitionRequest;
  readonly disk: ClearedDisk;
  readonly number: number;
  readonly role: PartitionRole;
  readonly startMiB: number;
  /** 0 for one that was refused. */
  readonly sizeMiB: number;
}

/** An extended partition, which is there for the logical ones. */
export interface PlacedExtended {
  readonly disk: ClearedDisk;
  readonly number: number;
  readonly startMiB: number;
  readonly sizeMiB: number;
}

export interface Allocation {
  readonly placed: readonly Placed[];
  readonly extended: readonly PlacedExtended[];
}

/**
 * Disks are chosen as blivet does (`blivet/partitioning.py`, allocate_partitions): what the firmware reads first and
 * on the boot disk, then what names its disk, then fixed sizes before growing ones and large ones before small ones,
 * each into the largest region. On its disk a partition keeps the order of the file, which blivet's do not.
 */
export function allocate(requests: readonly PartitionRequest[], ground: Ground, refuse: Refuse): Allocation {
  const choice = chooseRegions(requests, ground, refuse);
  const disks = [...new Set(requests.flatMap((request) => choice.get(request)?.disk ?? []))];
  const parts = disks.map((disk) => {
    const here = requests.filter((request) => choice.get(request)?.disk === disk);
    return layOut(disk, here, (request) => choice.get(request), refuse);
  });
  const homeless = requests.filter((request) => !choice.has(request));
  return {
    placed: [
      ...parts.flatMap(({ placed }) => placed),
      ...homeless.flatMap((request) => nowhere(request, ground)),
    ],
    extended: parts.flatMap(({ extended }) => extended),
  };
}

/** A refused request still gets a name, so that what is built on it is not refused for that. */
function nowhere(request: PartitionRequest, { bootDisk }: Ground): readonly Placed[] {
  const disk = request.disk ?? bootDisk;
  return disk === undefined ? [] : [{ request, disk, number: 0, role: 'primary', startMiB: 0, sizeMiB: 0 }];
}

type Choice = Map<PartitionRequest, Region>;

const wantedOf = ({ wanted }: PartitionRequest) => wanted;

function chooseRegions(requests: readonly PartitionRequest[], ground: Ground, refuse: Refuse): Choice {
  const regions = new Map(
    ground.cleared.disks.flatMap((disk) =>
      freeRegions(disk).map((region) => [region, [] as PartitionRequest[]]),
    ),
  );
  const choice: Choice = new Map();
  const full = refuseFullDisks(requests, regions, refuse);
  for (const request of requests.toSorted(byPrecedence)) {
    if (request.disk !== undefined && full.has(request.disk.disk.name)) continue;
    const open = [...regions].filter(
      ([{ disk, sizeMiB }, there]) =>
        (request.disk === undefined || disk.disk.name === request.disk.disk.name) &&
        sizeMiB - total(there) >= request.wanted.size,
    );
    const chosen = best(request, open, regions, ground);
    if (chosen === undefined) {
      refuse(
        request.command,
        'too-small',
        `there is no room of ${request.wanted.size} MiB in one piece${request.disk === undefined ? '' : ` on ${request.disk.disk.name}`} for this partition`,
      );
      continue;
    }
    regions.get(chosen)?.push(request);
    choice.set(request, chosen);
  }
  return choice;
}

const total = (requests: readonly PartitionRequest[]): number =>
  requests.reduce((sum, { wanted }) => sum + wanted.size, 0);

/** Disks whose own partitions do not fit, told in one sentence each. */
function refuseFullDisks(
  requests: readonly PartitionRequest[],
  regions: ReadonlyMap<Region, unknown>,
  refuse: Refuse,
): ReadonlySet<string> {
  const full = new Set<string>();
  const names = new Set(requests.flatMap(({ disk }) => disk?.disk.name ?? []));
  for (const name of names) {
    const here = requests.filter(({ disk }) => disk?.disk.name === name);
    const free = [...regions.keys()].filter(({ disk }) => disk.disk.name === name);
    const room = free.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
    const last = here.at(-1);
    if (total(here) <= room || last === undefined) continue;
    if (last.disk?.disk.unusable === undefined) {
      refuse(
        last.command,
        'too-small',
        `${name} is too small: its partitions need ${total(here)} MiB, it has room for ${room} MiB`,
      );
    }
    full.add(name);
  }
  return full;
}

/** What firmware and boot loader read: on the boot disk, in front. */
const isForBoot = ({ command, content }: PartitionRequest): boolean =>
  content.kind === 'biosboot' || ['/boot', '/boot/efi'].includes(targetOf(command));

/** blivet's partition_compare, in the order of its weights. */
function byPrecedence(a: PartitionRequest, b: PartitionRequest): number {
  const keys = (one: PartitionRequest): readonly number[] => [
    isForBoot(one) ? 0 : 1,
    one.disk === undefined ? 1 : 0,
    one.primary ? 0 : 1,
    one.wanted.grow ? 1 : 0,
    -one.wanted.size,
    one.wanted.grow && one.wanted.max !== undefined ? 1 : 0,
  ];
  const [left, right] = [keys(a), keys(b)];
  const at = left.findIndex((key, index) => key !== right[index]);
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

type Open = readonly (readonly [Region, readonly PartitionRequest[]])[];

function best(
  request: PartitionRequest,
  open: Open,
  all: ReadonlyMap<Region, readonly PartitionRequest[]>,
  { bootDisk }: Ground,
): Region | undefined {
  // The sort is stable: the boot disk first, the others in the order of their names.
  const isOther = ({ disk }: Region): number => (disk.disk.name === bootDisk?.disk.name ? 0 : 1);
  const inOrder = open.toSorted(([a], [b]) => isOther(a) - isOther(b));
  if (isForBoot(request)) return inOrder[0]?.[0];
  const value = ([region, there]: Open[number]): number =>
    request.wanted.grow
      ? totalGrowth([...all].map(([one, taken]) => [one, one === region ? [...taken, request] : taken]))
      : region.sizeMiB - total(there);
  const [first, ...others] = inOrder.map((one) => ({ region: one[0], value: value(one) }));
  if (first === undefined) return undefined;
  return others.reduce((winner, one) => (one.value > winner.value ? one : winner), first).region;
}

/** MiB by which all growing partitions together would grow. */
function totalGrowth(regions: Open): number {
  return regions.reduce((sum, [{ sizeMiB }, there]) => {
    const sizes = share(there.map(wantedOf), sizeMiB) ?? [];
    return sum + sizes.reduce((all, size) => all + size, 0) - total(there);
  }, 0);
}

/** Numbers, starts and sizes on one disk. */
function layOut(
  disk: ClearedDisk,
  requests: readonly PartitionRequest[],
  regionOf: (request: PartitionRequest) => Region | undefined,
  refuse: Refuse,
): Allocation {
  const logical = logicalOnes(disk, requests, refuse);
  const regions = [...new Set(requests.flatMap((request) => regionOf(request) ?? []))];
  const numbers = freeNumbers(disk);
  const placed: Placed[] = [];
  const extended: PlacedExtended[] = [];
  for (const region of regions) {
    const here = requests.filter((request) => regionOf(request) === region);
    const inTable = here.filter((request) => !logical.includes(request));
    const inside = here.filter((request) => logical.includes(request));
    const ordered = [...inTable, ...inside];
    // Each logical partition has a table of its own in the MiB in front of it.
    const sizes = share(ordered.map(wantedOf), region.sizeMiB - inside.length);
    const last = ordered.at(-1);
    if (sizes === undefined && last !== undefined) {
      refuse(
        last.command,
        'too-small',
        `${disk.disk.name} is too small for these partitions and their tables`,
      );
    }
    let at = region.startMiB;
    ordered.forEach((request, index) => {
      const sizeMiB = sizes?.[index] ?? 0;
      if (sizeMiB === 0 && sizes !== undefined) {
        refuse(request.command, 'no-size', 'a partition of no size', 'give it --size=MiB');
      }
      const isLogical = inside.includes(request);
      if (isLogical && request === inside[0]) {
        const end = region.startMiB + region.sizeMiB;
        extended.push({ disk, number: numbers.primary(), startMiB: at, sizeMiB: end - at });
      }
      const startMiB = isLogical ? at + 1 : at;
      placed.push({
        request,
        disk,
        number: isLogical ? numbers.logical() : numbers.primary(),
        role: isLogical ? 'logical' : 'primary',
        startMiB,
        sizeMiB,
      });
      at = startMiB + sizeMiB;
    });
  }
  // The order of the file again, where regions or primary ones came between.
  return { placed: placed.toSorted((a, b) => a.number - b.number), extended };
}

/** Primary partitions an MBR has room for. */
const MBR_PRIMARIES = 4;

/** Those that have to be logical: from the fourth on, as with blivet, unless `--asprimary` claims the place. */
function logicalOnes(
  { disk, label, kept }: ClearedDisk,
  requests: readonly PartitionRequest[],
  refuse: Refuse,
): readonly PartitionRequest[] {
  if (label !== 'mbr') return [];
  const taken = kept.filter(({ role }) => role !== 'logical').length;
  const free = MBR_PRIMARIES - taken;
  const wantPrimary = requests.filter(({ primary }) => primary);
  const needExtended =
    requests.length > free ||
    (requests.length === free && wantPrimary.length < free && taken + requests.length > 3);
  if (!needExtended) return [];
  const last = requests.at(-1);
  if (kept.some(({ role }) => role === 'extended') || free < 1 || wantPrimary.length >= free) {
    if (requests.length > free && last !== undefined) {
      refuse(
        last.command,
        'no-slot',
        `the MBR of ${disk.name} has room for ${free} more primary partitions, ${requests.length} are wanted`,
        'use --disklabel=gpt, or fewer partitions',
      );
    }
    return [];
  }
  const others = requests.filter(({ primary }) => !primary);
  return others.slice(free - 1 - wantPrimary.length);
}

/** The lowest numbers that no kept partition has. */
function freeNumbers({ label, kept }: ClearedDisk): {
  readonly primary: () => number;
  readonly logical: () => number;
} {
  const taken = new Set(kept.map(({ number }: ExistingPartition) => number));
  const next = (from: number): number => {
    let number = from;
    while (taken.has(number)) number += 1;
    taken.add(number);
    return number;
  };
  return { primary: () => next(1), logical: () => next(label === 'mbr' ? MBR_PRIMARIES + 1 : 1) };
}
