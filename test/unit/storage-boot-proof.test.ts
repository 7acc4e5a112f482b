import assert from 'node:assert/strict';
import { biosLoaderProblems } from '../../src/storage/bios-boot.ts';
import { type BootProof, proveBootLoaders } from '../../src/storage/boot-proof.ts';
import { findBootMembers } from '../../src/storage/record-layout.ts';
import { BOOT_IMG, CORE_IMG, ESP_FILES, espImage, START } from '../helpers/disk-images.ts';
import { type InstalledNode, installedNode, PLAN } from '../helpers/installed-node.ts';

const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const VARIABLES = '/sys/firmware/efi/efivars';

async function prove(machine: InstalledNode): Promise<BootProof> {
  return proveBootLoaders(machine, await findBootMembers(machine, PLAN));
}

/** An EFI_LOAD_OPTION for a partition, as efibootmgr writes it. */
function bootEntry(label: string, partUuid: string): Buffer {
  const [a = '', b = '', c = '', d = '', e = ''] = partUuid.split('-');
  const swap = (hex: string): string => Buffer.from(hex, 'hex').reverse().toString('hex');
  const node = Buffer.alloc(42);
  node.set([4, 1, 42, 0, 2, 0, 0, 0]);
  Buffer.from(swap(a) + swap(b) + swap(c) + d + e, 'hex').copy(node, 24);
  node.set([2, 2], 40);
  const end = Buffer.from([0x7f, 0xff, 4, 0]);
  const head = Buffer.alloc(10);
  head.writeUInt32LE(7, 0);
  head.writeUInt32LE(1, 4);
  head.writeUInt16LE(node.length + end.length, 8);
  return Buffer.concat([head, Buffer.from(`${label}\0`, 'utf16le'), node, end]);
}

function withFirmware(
  machine: InstalledNode,
  entries: Readonly<Record<string, string>>,
  order: readonly number[],
): void {
  for (const [number, partUuid] of Object.entries(entries)) {
    machine.files.set(`${VARIABLES}/Boot${number}-${GLOBAL}`, bootEntry(`entry ${number}`, partUuid));
  }
  const bytes = Buffer.alloc(4 + 2 * order.length);
  order.forEach((number, i) => {
    bytes.writeUInt16LE(number, 4 + 2 * i);
  });
  machine.files.set(`${VARIABLES}/BootOrder-${GLOBAL}`, bytes);
}

const ESP_A = '00000002-0000-4000-8000-000000000001';
const ESP_B = '00000002-0000-4000-8000-000000000002';

describe('proveBootLoaders', () => {
  it('proves both disks of a sound installation', async () => {
    const proof = await prove(installedNode());
    assert.deepEqual(proof, {
      problems: [],
      warnings: ['boot entries of the firmware were not looked at: not started by UEFI'],
      withoutLoader: [],
      withoutEntry: [],
      proven: ['MBR and core.img of sda, sdb', 'ESP and EFI/BOOT/BOOTX64.EFI of sda, sdb'],
    });
  });

  const sabotage: Readonly<Record<string, [(machine: InstalledNode) => void, RegExp]>> = {
    'an MBR that was zeroed': [
      (m) => m.disk('sdb').fill(0, 0, 440),
      /^sdb: the boot code in the MBR is not boot\.img \(first difference at byte 0\)$/,
    ],
    'one changed byte of boot code': [(m) => m.disk('sda').fill(0, 439, 440), /^sda: .* byte 439/],
    'an MBR that loads another sector': [
      (m) => m.disk('sdb').writeBigUInt64LE(4096n, 92),
      /^sdb: the MBR loads sector 4096, the BIOS boot partition starts at 2048$/,
    ],
    'a core image that was zeroed': [
      (m) => m.disk('sdb').fill(0, START.biosboot * 512, START.biosboot * 512 + 512),
      /^sdb: the BIOS boot partition does not hold core\.img/,
    ],
    'one changed byte at the end of a core image': [
      (m) =>
        m
          .disk('sdb')
          .fill(0, START.biosboot * 512 + CORE_IMG.length - 1, START.biosboot * 512 + CORE_IMG.length),
      /^sdb: the BIOS boot partition does not hold core\.img \(first difference at byte 3332\)$/,
    ],
    'a core image that goes on elsewhere': [
      (m) => m.disk('sda').writeBigUInt64LE(9n, START.biosboot * 512 + 500),
      /^sda: core\.img goes on at sector 9, which should be 2049$/,
    ],
    'patched bytes that differ from disk to disk': [
      (m) => m.disk('sdb').writeUInt16LE(1, START.biosboot * 512 + 508),
      /^sda and sdb: the BIOS boot partitions differ at byte 508$/,
    ],
    'no GRUB to compare with': [
      (m) => m.files.delete('/boot/grub/i386-pc/core.img'),
      /^\/boot\/grub\/i386-pc holds no boot\.img and core\.img/,
    ],
    'an ESP that was written on one member only': [
      (m) =>
        espImage({ ...ESP_FILES, 'EFI/debian/grub.cfg': 'configfilf\n' }).copy(
          m.disk('sdb'),
          START.esp * 512,
        ),
      /^the files on the ESP of sdb differ from those of sda$/,
    ],
    'an ESP that was never formatted': [
      (m) => m.disk('sdb').fill(0, START.esp * 512, START.esp * 512 + 4096),
      /^sdb: the ESP cannot be read: no FAT boot sector$/,
    ],
    'no loader at the removable path': [
      (m) => {
        const image = espImage({ 'EFI/debian/grubx64.efi': 'MZ' });
        for (const name of ['sda', 'sdb'] as const) image.copy(m.disk(name), START.esp * 512);
      },
      /^sda: no EFI\/BOOT\/BOOTX64\.EFI on the ESP; sdb: no EFI\/BOOT\/BOOTX64\.EFI on the ESP$/,
    ],
    'a loader that is no program': [
      (m) => {
        const image = espImage({ 'EFI/BOOT/BOOTX64.EFI': 'text' });
        for (const name of ['sda', 'sdb'] as const) image.copy(m.disk(name), START.esp * 512);
      },
      /^sda: EFI\/BOOT\/BOOTX64\.EFI is not a program; sdb: /,
    ],
  };
  for (const [name, [damage, expected]] of Object.entries(sabotage)) {
    it(`sees ${name}`, async () => {
      const machine = installedNode();
      damage(machine);
      assert.match((await prove(machine)).problems.join('; '), expected);
    });
  }

  it('does not mind what another system left in the parameter block of an MBR', async () => {
    const machine = installedNode();
    machine.disk('sdb').fill(0x42, 3, 90);
    assert.deepEqual((await prove(machine)).problems, []);
  });

  it('wants a loader of some kind on every disk', async () => {
    const machine = installedNode();
    const [first, second] = await findBootMembers(machine, PLAN);
    assert.ok(first !== undefined && second?.esp !== undefined);
    const without = await proveBootLoaders(machine, [first, { disk: second.disk, esp: second.esp }]);
    assert.deepEqual(without.problems, ['sdb: no BIOS boot partition']);
    assert.equal((await proveBootLoaders(machine, [])).problems.length, 1);
    assert.match((await proveBootLoaders(machine, [{ disk: '/dev/sda' }])).problems.join(), /neither/);
  });

  it('does not look into the ESP of a spare, which holds nothing yet', async () => {
    const machine = installedNode();
    machine.disk('sdb').fill(0, START.esp * 512, START.esp * 512 + 4096);
    machine.files.set('/sys/block/md127/md/dev-sdb2/slot', 'none\n');
    machine.files.set('/sys/block/md127/md/dev-sdb2/state', 'spare\n');
    const { problems, proven } = await prove(machine);
    assert.deepEqual([problems, proven[1]], [[], 'ESP and EFI/BOOT/BOOTX64.EFI of sda']);
    machine.disk('sdb').fill(0, 0, 440);
    assert.match((await prove(machine)).problems.join(), /^sdb: the boot code/);
  });

  it('wants the type of an ESP on each member', async () => {
    const machine = installedNode();
    const members = await findBootMembers(machine, PLAN);
    const asRaid = members.map(({ esp, ...rest }) => ({
      ...rest,
      ...(esp && { esp: { ...esp, typeGuid: 'A19D880F' } }),
    }));
    assert.match(
      (await proveBootLoaders(machine, asRaid)).problems.join(),
      /sda: partition 2 holds the ESP without/,
    );
  });

  it('finds each member in the boot order of a UEFI firmware', async () => {
    const machine = installedNode();
    withFirmware(machine, { '0001': ESP_A, '000A': ESP_B }, [10, 1]);
    const proof = await prove(machine);
    assert.deepEqual([proof.problems, proof.warnings, proof.withoutEntry], [[], [], []]);
    assert.equal(proof.proven.at(-1), 'boot entries of sda, sdb');
  });

  it('names members without an entry, and entries that are out of the order do not count', async () => {
    const machine = installedNode();
    withFirmware(machine, { '0001': ESP_A, '0002': ESP_B }, [1]);
    const proof = await prove(machine);
    assert.deepEqual(
      proof.withoutEntry.map(({ disk }) => disk),
      ['/dev/sdb'],
    );
    assert.deepEqual(proof.warnings, ["sdb: no entry in the firmware's boot order"]);
  });
});

describe('biosLoaderProblems', () => {
  it('takes nothing for a proof that is not there', () => {
    const files = { bootImage: BOOT_IMG, coreImage: CORE_IMG };
    assert.equal(biosLoaderProblems(files, new Uint8Array(), new Uint8Array(), 2048).length, 2);
  });
});
