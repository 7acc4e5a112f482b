/** A node with two disks as the embedded installer leaves it, in memory. */
import { COMPARE_DUE_PATH } from '../../postinstall/comparisons-due.ts';
import type { NodePlan } from '../../src/plan/types.ts';
import {
  ARRAY_UUID,
  BOOT_IMG,
  CORE_IMG,
  DISK_BYTES,
  installedDisk,
  MEMBER_SECTORS,
  START,
} from './disk-images.ts';
import { arrayFiles, type FakeMachine, fakeMachine } from './fake-machine.ts';

const ROLES = ['biosboot', 'esp', 'boot', 'root'] as const;
const ARRAYS = { esp: 'md127', boot: 'md126', root: 'md125' } as const;

export const PLAN: NodePlan = {
  version: 1,
  cluster: 'demo',
  name: 'node-a',
  index: 0,
  role: 'ha-pair',
  rank: 0,
  locale: 'en_US.UTF-8',
  keyboard: 'us',
  timezone: 'Europe/Berlin',
  timeServers: ['10.0.0.1'],
  nameServers: [],
  interfaces: [],
  hosts: [
    { name: 'node-a', address: '10.0.0.11' },
    { name: 'node-b', address: '10.0.0.12' },
  ],
  access: { rootPasswordHash: '$6$hash', sshKeys: [] },
  disks: { kind: 'matching', count: 2, match: {}, wipe: false },
  layout: {
    kind: 'raid1',
    firmware: ['bios', 'uefi'],
    diskCount: 2,
    spares: 0,
    partitions: [
      {
        role: 'biosboot',
        gptName: 'slipway-biosboot',
        sizeMiB: 1,
        grow: false,
        typeGuid: '21686148-6449-6E6F-744E-656564454649',
      },
      {
        role: 'esp',
        gptName: 'slipway-esp',
        sizeMiB: 16,
        grow: false,
        typeGuid: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
      },
      {
        role: 'boot',
        gptName: 'slipway-boot',
        sizeMiB: 4,
        grow: false,
        typeGuid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
      },
      {
        role: 'root',
        gptName: 'slipway-root',
        sizeMiB: 3,
        grow: true,
        typeGuid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
      },
    ],
    arrays: [
      { role: 'esp', name: 'esp', level: 1, metadata: '1.0' },
      { role: 'boot', name: 'boot', level: 1, metadata: '1.0' },
      { role: 'root', name: 'root', level: 1, metadata: '1.0' },
    ],
    volumes: [
      { role: 'root', sizeMiB: 3, grow: true, fileSystem: 'ext4', mountPoint: '/', on: 'array' },
      { role: 'boot', sizeMiB: 4, grow: false, fileSystem: 'ext4', mountPoint: '/boot', on: 'array' },
      { role: 'esp', sizeMiB: 16, grow: false, fileSystem: 'vfat', mountPoint: '/boot/efi', on: 'array' },
    ],
    minimumDiskMiB: 26,
  },
  afterInstall: 'poweroff',
  kernelArgs: [],
};

/** The two installed disks, made once: tools are slow. A test that changes one gets a copy. */
let pristine: Readonly<Record<DiskName, Buffer>> | undefined;

function ext4(n: number): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt16LE(0xef53, 1080);
  bytes.writeUInt32LE(0x40, 1120);
  bytes.fill(n, 1128, 1144);
  return bytes;
}

type DiskName = 'sda' | 'sdb';

export interface InstalledNode extends FakeMachine {
  /** The bytes of a disk; changes to them are changes of the disk. */
  disk(name: DiskName): Buffer;
  /** Pulls a disk: its device and links are gone, the arrays lose their members. */
  pull(name: DiskName): void;
}

export function installedNode(options: Parameters<typeof fakeMachine>[0] = {}): InstalledNode {
  pristine ??= { sda: installedDisk(1), sdb: installedDisk(2) };
  const { sda, sdb } = pristine;
  const copies = new Map<DiskName, Buffer>();
  const files: Record<string, string | Uint8Array> = {
    '/boot/grub/i386-pc/boot.img': BOOT_IMG,
    '/boot/grub/i386-pc/core.img': CORE_IMG,
    '/proc/sys/dev/raid/speed_limit_min': '1000\n',
    '/proc/sys/kernel/hostname': 'node-a\n',
    '/proc/sys/kernel/random/boot_id': 'boot-1\n',
    '/proc/self/mountinfo': '',
    '/etc/slipway/node.json': JSON.stringify(PLAN),
    [COMPARE_DUE_PATH]: '',
    '/etc/hostname': 'node-a\n',
    '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/usr/share/zoneinfo/Europe/Berlin': 'TZif2',
    '/usr/lib/systemd/system/systemd-timesyncd.service': '',
  };
  for (const [name, bytes] of [
    ['sda', sda],
    ['sdb', sdb],
  ] as const)
    Object.assign(files, diskFiles(name, bytes));
  for (const [role, device] of Object.entries(ARRAYS)) {
    const number = role === 'esp' ? 2 : role === 'boot' ? 3 : 4;
    const members = { [`sda${number}`]: ['0', 'in_sync'], [`sdb${number}`]: ['1', 'in_sync'] } as const;
    Object.assign(files, arrayFiles(device, { members }));
  }
  files[`/dev/${ARRAYS.esp}`] = sda.subarray(START.esp * 512);
  files[`/dev/${ARRAYS.boot}`] = ext4(1);
  files[`/dev/${ARRAYS.root}`] = ext4(2);

  const machine = fakeMachine({
    ...options,
    commands: {
      ln: ({ args }, m) => {
        m.links.set(args.at(-1) ?? '', (args.at(-2) ?? '').replace(/^\.\./, ''));
        return '';
      },
      systemctl: () => '',
      getent: ({ args }, m) => resolved(String(m.files.get('/etc/hosts') ?? ''), args[1] ?? ''),
      ...options.commands,
    },
    files: { ...files, ...options.files },
    links: {
      '/dev/md/esp': `/dev/${ARRAYS.esp}`,
      '/dev/md/boot': `/dev/${ARRAYS.boot}`,
      '/dev/md/root': `/dev/${ARRAYS.root}`,
      '/dev/disk/by-id/ata-one': '/dev/sda',
      '/dev/disk/by-id/ata-two': '/dev/sdb',
      '/etc/localtime': '/usr/share/zoneinfo/Europe/Berlin',
      ...options.links,
    },
  });
  return Object.assign(machine, {
    disk(name: DiskName): Buffer {
      const known = copies.get(name);
      if (known !== undefined) return known;
      const copy = Buffer.from(name === 'sda' ? sda : sdb);
      copies.set(name, copy);
      if (machine.files.has(`/dev/${name}`)) machine.files.set(`/dev/${name}`, copy);
      if (name === 'sda') machine.files.set(`/dev/${ARRAYS.esp}`, copy.subarray(START.esp * 512));
      return copy;
    },
    pull(name: DiskName): void {
      for (const path of [...machine.files.keys()]) {
        if (
          path === `/dev/${name}` ||
          path.startsWith(`/sys/block/${name}/`) ||
          path.includes(`/dev-${name}`)
        )
          machine.files.delete(path);
      }
      for (const [link, target] of machine.links) if (target === `/dev/${name}`) machine.links.delete(link);
      for (const device of Object.values(ARRAYS))
        machine.files.set(`/sys/block/${device}/md/degraded`, '1\n');
    },
  });
}

/** What getent(1) prints for a name where only the file is asked. */
function resolved(hosts: string, name: string): string | { readonly exitCode: number } {
  const lines = hosts.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const found = lines
    .filter(([, ...names]) => names.includes(name))
    .map(([address]) => `${address} STREAM ${name}`);
  return found.length === 0 ? { exitCode: 2 } : found.join('\n');
}

function diskFiles(name: string, bytes: Buffer): Record<string, string | Uint8Array> {
  const folder = `/sys/block/${name}`;
  const files: Record<string, string | Uint8Array> = {
    [`/dev/${name}`]: bytes,
    [`${folder}/size`]: `${DISK_BYTES / 512}\n`,
    [`${folder}/dev`]: name === 'sda' ? '8:0\n' : '8:16\n',
    [`/run/udev/data/b${name === 'sda' ? '8:0' : '8:16'}`]: `E:ID_SERIAL_SHORT=SERIAL-${name}\nE:ID_BUS=ata\n`,
  };
  ROLES.forEach((role, i) => {
    files[`${folder}/${name}${i + 1}/partition`] = `${i + 1}\n`;
    files[`${folder}/${name}${i + 1}/start`] = `${START[role]}\n`;
    files[`${folder}/${name}${i + 1}/size`] = `${role === 'biosboot' ? 2048 : MEMBER_SECTORS[role]}\n`;
  });
  return files;
}

export { ARRAY_UUID };
