/** User-Mode Linux's command line for a machine: pure, so that it can be asserted whole. */
import { MissingError } from '../errors/exit.ts';
import type { LabDisk, LabMachineSpec, LabNic } from './engine.ts';

export interface UmlPaths {
  readonly initrd: string;
  readonly modules: string;
  /** Folder of the control socket. */
  readonly umlDir: string;
  /** For a disk whose writes are to be forgotten: where they are kept meanwhile. */
  readonly scratch: (disk: number) => string;
}

/** A guest's memory is a file here; on a real disk every page of it would be written out. */
export const MEMORY_FOLDER = '/dev/shm';

/** The kernel has eight of its disks, ubda to ubdh; the system's own take the last ones. */
const PLACE = { changes: 5, base: 6, modules: 7 } as const;
const DATA_PLACES = { overlay: 5, installed: 7 } as const;

/**
 * Arguments for `linux.uml`. Its root is found by `lab.root=` and the like (see uml-init.ts).
 * @throws {MissingError} for what the kernel cannot be told: too many disks, paths with its separators.
 */
export function umlArgs(spec: LabMachineSpec, paths: UmlPaths): readonly string[] {
  const root = spec.root ?? { kind: 'installed' };
  const { disks, volumes = [] } = spec;
  const places = DATA_PLACES[root.kind];
  if (disks.length + volumes.length > places) {
    throw new MissingError(
      `${spec.name}: User-Mode Linux has places for ${places} disks here, not for ${disks.length + volumes.length}`,
      'use --engine qemu',
    );
  }
  return [
    `umid=${spec.name}`,
    `uml_dir=${word(paths.umlDir)}`,
    `mem=${spec.memoryMiB}M`,
    `initrd=${word(paths.initrd)}`,
    ...disks.map((disk, i) => dataDisk(disk, i, paths)),
    ...volumes.map((file, i) => `ubd${disks.length + i}rc=${word(file)}`),
    ...(root.kind === 'overlay'
      ? [
          `ubd${PLACE.changes}=${word(root.changes)}`,
          `ubd${PLACE.base}rc=${word(root.squashfs)}`,
          `lab.base=${deviceName(PLACE.base)}`,
          `lab.changes=${deviceName(PLACE.changes)}`,
          // DRBD puts 32 MiB aside when it is loaded, one for each device it reckons with.
          'drbd.minor_count=1',
        ]
      : []),
    `ubd${PLACE.modules}rc=${word(paths.modules)}`,
    `lab.root=${root.kind}`,
    `lab.modules=${deviceName(PLACE.modules)}`,
    ...spec.nics.map(nicArgument),
    // Every other console is without a channel, or the kernel would open terminal windows.
    ...['con=null', 'con0=fd:0,fd:1', 'ssl=null'],
    // Else nobody would answer on the console: systemd puts its terminals on consoles that have no channel.
    'systemd.wants=console-getty.service',
    // Debian's kernel has nftables without IPv4 and IPv6 (CONFIG_NF_TABLES_*): no set of rules could be loaded.
    'systemd.mask=nftables.service',
    ...(spec.onReboot === 'end' ? ['noreboot'] : []),
  ];
}

const deviceName = (place: number): string => `ubd${'abcdefgh'[place]}`;

/** A copy-on-write file takes what is written, the disk itself stays as it is. */
function dataDisk(disk: LabDisk, place: number, { scratch }: UmlPaths): string {
  const changes = disk.discardWrites === true ? scratch(place) : disk.changes;
  // Its own syntax: `ubd0=COW,BACKING,SERIAL`, and without copy-on-write `ubd0=FILE,,SERIAL`.
  const files = changes === undefined ? [disk.file, ''] : [changes, disk.file];
  return `ubd${place}=${[...files.map(word), disk.serial].join(',')}`;
}

/** Without `gro` TCP crawls at 0.3 MB/s. */
function nicArgument({ tap, mac }: LabNic, index: number): string {
  if (tap === undefined) throw new RangeError(`${mac}: User-Mode Linux needs a tap device`);
  return `vec${index}:transport=tap,ifname=${tap},depth=64,gro=1,mac=${mac}`;
}

/** The kernel joins its arguments with spaces and splits disks at commas and colons. */
function word(path: string): string {
  if (!/[\s,:]/.test(path)) return path;
  throw new MissingError(
    `User-Mode Linux cannot use ${path}: it has no way to name a path with a space, a comma or a colon`,
    'put the lab (--dir) and the cache (SLIPWAY_CACHE) below folders without them',
  );
}
