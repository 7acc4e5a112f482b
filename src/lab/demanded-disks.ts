/** From what a spec demands of a node's disks to disks that answer to it. */
import { MissingError } from '../errors/exit.ts';
import type { DiskDemand, DiskIdentity, DiskMatch } from '../plan/types.ts';
import type { DiskBus, LabDisk } from './engine.ts';

/** A disk before it has a file. */
export interface DiskShape extends Omit<LabDisk, 'file'> {
  readonly sizeMiB: number;
}

export interface DiskWishes {
  /** What the layout needs of each disk. */
  readonly minimumMiB: number;
  /** Controller for disks whose demand leaves it open. */
  readonly bus?: DiskBus;
}

/** Disks are sold in whole gigabytes; a little more than demanded proves that "rest" is taken. */
const GRAIN_MIB = 1024;

/** @throws {MissingError} for an identity or a bus that no virtual disk can have. */
export function demandedDisks(node: string, demand: DiskDemand, wishes: DiskWishes): readonly DiskShape[] {
  if (demand.kind === 'identified') {
    return demand.disks.map((disk, i) => ({
      serial: serialOf(i),
      sizeMiB: rounded(wishes.minimumMiB),
      ...identified(node, disk, wishes.bus),
    }));
  }
  const { match, count } = demand;
  const sizeMiB = matchingSize(match, wishes.minimumMiB);
  const shape = matching(node, match, wishes.bus);
  return Array.from({ length: count }, (_, i) => ({ serial: serialOf(i), sizeMiB, ...shape }));
}

const serialOf = (index: number): string => `LAB${String(index + 1).padStart(5, '0')}`;

const rounded = (mib: number): number => Math.ceil(mib / GRAIN_MIB) * GRAIN_MIB;

function matchingSize({ minSizeMiB = 0, maxSizeMiB }: DiskMatch, minimumMiB: number): number {
  const least = Math.max(minSizeMiB, minimumMiB);
  return Math.min(rounded(least), maxSizeMiB ?? Number.POSITIVE_INFINITY);
}

const BUSES: Readonly<Record<NonNullable<DiskMatch['bus']>, readonly DiskBus[]>> = {
  ata: ['sata'],
  scsi: ['scsi', 'lsi', 'pvscsi'],
  nvme: ['nvme'],
  virtio: ['virtio'],
  usb: [],
};

function matching(node: string, match: DiskMatch, wish: DiskBus | undefined): Pick<DiskShape, 'bus'> {
  const named = match.model !== undefined || match.rotational !== undefined;
  const allowed = match.bus === undefined ? undefined : BUSES[match.bus];
  const bus = wish ?? allowed?.[0] ?? (named ? 'sata' : 'virtio');
  if (allowed?.includes(bus) === false) {
    throw cannot(node, `disks on ${match.bus}${wish === undefined ? '' : ` that are on ${wish}`}`);
  }
  if (named && (bus === 'virtio' || bus === 'nvme'))
    throw cannot(node, `a ${bus} disk with a model or a speed`);
  return {
    bus,
    ...(match.model === undefined ? {} : { model: match.model }),
    ...(match.rotational === undefined ? {} : { rotational: match.rotational }),
  };
}

/** Longest serial numbers that guests see: ATA's field (ACS-4 7.13.6.10), also virtio's. */
const SERIAL_LENGTH = 20;

function identified(
  node: string,
  { by, value }: DiskIdentity,
  wish: DiskBus | undefined,
): Pick<DiskShape, 'bus'> & Partial<DiskShape> {
  switch (by) {
    case 'serial':
      if (value.length > SERIAL_LENGTH) throw cannot(node, `a serial number as long as ${value}`);
      return { bus: wish ?? 'virtio', serial: value };
    case 'wwn':
      return { bus: wish ?? 'sata', wwn: wwnOf(node, value) };
    case 'id':
      return identifiedById(node, value);
    case 'path':
      throw cannot(node, `a disk at ${value}: places of controllers differ from machine to machine`);
  }
}

/** udev's 60-persistent-storage.rules: `ata-<model>_<serial>`, `virtio-<serial>`, `wwn-<wwn>`. */
function identifiedById(node: string, value: string): Pick<DiskShape, 'bus'> & Partial<DiskShape> {
  const [, kind, rest = ''] = /^(ata|virtio|wwn)-(.+)$/.exec(value) ?? [];
  if (kind === 'wwn') return { bus: 'sata', wwn: wwnOf(node, rest) };
  if (kind === 'virtio' && rest.length <= SERIAL_LENGTH) return { bus: 'virtio', serial: rest };
  const [, model, serial = ''] = /^(.+)_([^_]+)$/.exec(rest) ?? [];
  if (kind === 'ata' && model !== undefined && model.length <= 40 && serial.length <= SERIAL_LENGTH) {
    return { bus: 'sata', model, serial };
  }
  throw cannot(node, `a disk that calls itself ${value}`);
}

function wwnOf(node: string, value: string): string {
  if (!/^0x[0-9a-f]{16}$/i.test(value)) throw cannot(node, `a disk with the World Wide Name ${value}`);
  return value;
}

const cannot = (node: string, what: string): MissingError =>
  new MissingError(
    `${node}: the lab cannot make ${what}`,
    'try the spec in the lab with disks chosen by `serial` or `match`',
  );
