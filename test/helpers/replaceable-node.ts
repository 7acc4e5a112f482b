/** An installed node whose second disk is gone, with stand-ins for the tools that take in another one. */
import { LAYOUT_RECORD_PATH } from '../../src/storage/layout-record.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import {
  ARRAY_UUID,
  DISK_BYTES,
  diskWithTable,
  installGrub,
  MEMBER_SECTORS,
  START,
  writeMdSuperblock,
} from './disk-images.ts';
import type { FakeCommand, FakeMachine } from './fake-machine.ts';
import { type InstalledNode, installedNode, PLAN } from './installed-node.ts';

type Role = keyof typeof MEMBER_SECTORS;

const ARRAY: Readonly<Record<Role, string>> = { esp: 'md127', boot: 'md126', root: 'md125' };
const NUMBER: Readonly<Record<Role, number>> = { esp: 2, boot: 3, root: 4 };
const ROLES: readonly Role[] = ['esp', 'boot', 'root'];

export interface ReplaceableNode extends InstalledNode {
  /** The bytes of the disk that was plugged in. */
  readonly fresh: Buffer;
  /** What a restart does to what only the kernel knew. */
  restart(): void;
}

export interface FreshDisk {
  /** What its bytes are kept in, emptied first; for one node after the other. Default: memory of its own. */
  readonly memory?: Buffer;
  /** Default 9 MiB, as the others. */
  readonly bytes?: number;
  readonly serial?: string;
  readonly content?: (disk: Buffer) => void;
}

/** The record of the installation, made once: it is the same for all of them. */
let installed: string | undefined;

/** The node with the record of its installation, sdb pulled, and sdc plugged in. */
export async function replaceableNode(
  fresh: FreshDisk = {},
  commands: Readonly<Record<string, FakeCommand>> = {},
): Promise<ReplaceableNode> {
  const disk = fresh.memory?.fill(0) ?? Buffer.alloc(fresh.bytes ?? DISK_BYTES);
  fresh.content?.(disk);
  const machine = installedNode({
    files: { '/usr/lib/grub/i386-pc/grub-bios-setup': '' },
    commands: {
      sfdisk: ({ stdin = '' }, m) => {
        partitioned(stdin, disk.length).copy(disk);
        showPartitions(m);
        return '';
      },
      udevadm: () => '',
      mdadm: ({ args }, m) => {
        startRecovery(m, disk, args[1] ?? '');
        return '';
      },
      'systemd-inhibit': () => 'held',
      '/usr/lib/grub/i386-pc/grub-bios-setup': ({ args }) => {
        if (args.at(-1) === '/dev/sdc') installGrub(disk);
        return '';
      },
      sync: () => '',
      ...commands,
    },
    onSleep: (m) => endRecovery(m, disk),
  });
  installed ??= JSON.stringify(await recordLayout(machine, PLAN));
  machine.files.set(LAYOUT_RECORD_PATH, installed);
  machine.pull('sdb');
  const folder = '/sys/block/sdc';
  const plugged: Record<string, string | Uint8Array> = {
    '/dev/sdc': disk,
    [`${folder}/size`]: `${disk.length / 512}\n`,
    [`${folder}/dev`]: '8:32\n',
    '/run/udev/data/b8:32': `E:ID_SERIAL_SHORT=${fresh.serial ?? 'SERIAL-new'}\nE:ID_BUS=ata\n`,
  };
  for (const [path, content] of Object.entries(plugged)) machine.files.set(path, content);
  return Object.assign(machine, {
    fresh: disk,
    restart(): void {
      machine.held.length = 0;
      machine.files.set('/proc/sys/kernel/random/boot_id', `boot-${machine.clock}\n`);
      machine.files.set('/proc/sys/dev/raid/speed_limit_min', '1000\n');
    },
  });
}

const tables = new Map<string, Buffer>();

/** A disk of `bytes` with the table of an sfdisk script, made by sfdisk itself. */
function partitioned(script: string, bytes: number): Buffer {
  const key = `${bytes} ${script}`;
  const known = tables.get(key);
  if (known !== undefined) return known;
  const table = diskWithTable(bytes, script, ['--quiet', '--wipe=never']);
  tables.set(key, table);
  return table;
}

function showPartitions({ files }: FakeMachine): void {
  for (const [number, start, sectors] of [
    [1, START.biosboot, 2048],
    ...ROLES.map((role) => [NUMBER[role], START[role], MEMBER_SECTORS[role]] as const),
  ] as const) {
    const folder = `/sys/block/sdc/sdc${number}`;
    files.set(`${folder}/partition`, `${number}\n`);
    files.set(`${folder}/start`, `${start}\n`);
    files.set(`${folder}/size`, `${sectors}\n`);
  }
}

function startRecovery({ files }: FakeMachine, disk: Buffer, array: string): void {
  const role = ROLES.find((one) => `/dev/${ARRAY[one]}` === array);
  if (role === undefined) throw new Error(`mdadm: no array ${array}`);
  writeMdSuperblock(disk, START[role], MEMBER_SECTORS[role], role, ARRAY_UUID[role]);
  const folder = `/sys/block/${ARRAY[role]}/md`;
  files.set(`${folder}/dev-sdc${NUMBER[role]}/slot`, 'none\n');
  files.set(`${folder}/dev-sdc${NUMBER[role]}/state`, 'spare\n');
  files.set(`${folder}/sync_action`, 'recover\n');
}

/** One tick of time is all that a recovery, or a comparison, takes. */
function endRecovery({ files }: FakeMachine, disk: Buffer): void {
  const source = files.get('/dev/sda');
  if (!(source instanceof Uint8Array)) throw new Error('there is no sda to read from');
  for (const role of ROLES) {
    const folder = `/sys/block/${ARRAY[role]}/md`;
    const action = files.get(`${folder}/sync_action`);
    if (action === 'idle\n') continue;
    files.set(`${folder}/sync_action`, 'idle\n');
    if (action !== 'recover\n') continue;
    const start = START[role] * 512;
    disk.set(source.subarray(start, start + MEMBER_SECTORS[role] * 512), start);
    files.set(`${folder}/dev-sdc${NUMBER[role]}/slot`, '1\n');
    files.set(`${folder}/dev-sdc${NUMBER[role]}/state`, 'in_sync\n');
    files.set(`${folder}/degraded`, '0\n');
  }
}
