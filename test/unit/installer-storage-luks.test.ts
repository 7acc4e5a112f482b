import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { kernelArguments } from '../../src/installer/boot-files.ts';
import { buildModel } from '../../src/installer/build-model.ts';
import type { StorageModel } from '../../src/installer/model.ts';
import { cryptsBelow } from '../../src/installer/model-layers.ts';
import { encryptDevices, formatCommand, openCommand } from '../../src/installer/steps/encrypt-devices.ts';
import { stopArrays } from '../../src/installer/steps/seal-installation.ts';
import { NO_FACTS } from '../../src/installer/storage-facts.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { commandsOf, installationOf, why } from '../helpers/installer.ts';

const SECRET = 'correct horse';

/** A root in a group on an encrypted array, swap encrypted on a partition, /srv encrypted in the group. */
const TEXT = `clearpart --all
reqpart
part /boot --size=500
part swap --size=100 --encrypted --passphrase="${SECRET}" --ondisk=vda --luks-version=luks1 --pbkdf=pbkdf2
part raid.1 --size=4000 --ondisk=vda
part raid.2 --size=4000 --ondisk=vdb
raid pv.1 --device=0 --level=1 --encrypted --cipher=aes-cbc-essiv:sha256 raid.1 raid.2
volgroup g pv.1
logvol / --vgname=g --name=root --size=2000
logvol /srv --vgname=g --name=srv --size=500 --encrypted --pbkdf=argon2id --pbkdf-memory=64 --pbkdf-iterations=4
`;

function model(): StorageModel {
  const disks = ['vda', 'vdb'].map((name) => ({ name, sizeBytes: 8 * 1024 ** 3, sectorBytes: 512 }));
  let count = 0;
  const result = buildModel(commandsOf(TEXT), (name) => disks.find((disk) => disk.name === name), {
    ...NO_FACTS,
    ...{ disks, firmware: 'uefi', own: false },
    newUuid: () => `uuid-${count++}`,
  });
  assert.deepEqual(result.problems, []);
  return result.model;
}

/** The header cryptsetup would write, as far as it is looked at. */
function header(version: number, uuid: string): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.write('LUKS\xba\xbe', 0, 'latin1');
  bytes.writeUInt16BE(version, 6);
  bytes.write(uuid, 168, 'latin1');
  return bytes;
}

function machineWith(version?: number): FakeMachine {
  return fakeMachine({
    files: { '/dev/vda3': Buffer.alloc(8192) },
    commands: {
      udevadm: () => '',
      cryptsetup: ({ args }, machine) => {
        const value = (name: string): string => args[args.indexOf(name) + 1] ?? '';
        if (args[0] === 'open') machine.files.set(`/dev/mapper/${args.at(-1)}`, '');
        else {
          const made = version ?? Number(value('--type').replace('luks', ''));
          machine.files.set(args.at(-1) ?? '', header(made, value('--uuid')));
        }
        return '';
      },
    },
  });
}

describe('encrypted devices', () => {
  it('are formatted as the kickstart says, with the passphrase by standard input alone', () => {
    const { crypts } = model();
    assert.deepEqual(
      crypts.map((crypt) => formatCommand(crypt).args.join(' ')),
      [
        'luksFormat --batch-mode --type luks1 --uuid uuid-0 --key-size 512 --key-file=- /dev/vda3',
        'luksFormat --batch-mode --type luks2 --uuid uuid-1 --cipher aes-cbc-essiv:sha256 --key-file=- /dev/md0',
        'luksFormat --batch-mode --type luks2 --uuid uuid-2 --key-size 512 --pbkdf argon2id --pbkdf-memory 64 ' +
          '--pbkdf-force-iterations 4 --key-file=- /dev/g/srv',
      ],
    );
    assert.deepEqual(
      crypts.map((crypt) => openCommand(crypt).args.join(' ')),
      [
        'open --type luks --allow-discards --key-file=- /dev/vda3 luks-uuid-0',
        'open --type luks --allow-discards --persistent --key-file=- /dev/md0 luks-uuid-1',
        'open --type luks --allow-discards --persistent --key-file=- /dev/g/srv luks-uuid-2',
      ],
    );
    for (const command of crypts.flatMap((crypt) => [formatCommand(crypt), openCommand(crypt)])) {
      assert.equal(command.stdin, SECRET);
      assert.ok(!command.args.join(' ').includes(SECRET));
    }
  });

  it('are made on each layer in its turn, once', async () => {
    const machine = machineWith();
    const step = encryptDevices('partitions', 'partition-disks');
    assert.equal((await runStep(step, machine, installationOf(model()))).outcome, 'changed');
    assert.equal((await runStep(step, machine, installationOf(model()))).outcome, 'already-done');
    assert.deepEqual(
      machine.ran.map(({ file, args }) => `${file} ${args[0]} ${args.at(-1)}`),
      ['cryptsetup luksFormat /dev/vda3', 'cryptsetup open luks-uuid-0', 'udevadm settle --timeout=30'],
    );
  });

  it('are read back', async () => {
    const step = encryptDevices('partitions', 'partition-disks');
    const report = await runStep(step, machineWith(2), installationOf(model()));
    assert.equal(why(report), 'applied, but still: /dev/vda3 is LUKS2, not LUKS1');
  });

  it('are closed from above, between what they lie on', async () => {
    const silent = () => '';
    const machine = fakeMachine({ commands: { cryptsetup: silent, vgchange: silent, mdadm: silent } });
    await stopArrays(machine, model());
    assert.deepEqual(
      machine.ran.map(({ file, args }) => `${file} ${args.at(-1)}`),
      [
        'cryptsetup luks-uuid-2',
        'vgchange g',
        'cryptsetup luks-uuid-1',
        'mdadm /dev/md0',
        'cryptsetup luks-uuid-0',
      ],
    );
  });

  it('are opened for the root by the initramfs', () => {
    const of = model();
    assert.deepEqual(
      cryptsBelow(of, '/dev/g/root').map(({ name }) => name),
      ['luks-uuid-1'],
    );
    const ids = { fileSystem: () => 'F', array: () => 'A' };
    const args = kernelArguments(of, ids, installationOf(of).config);
    assert.deepEqual(args.slice(0, 5), [
      ...['root=UUID=F', 'ro', 'rd.md.uuid=A'],
      ...['rd.luks.uuid=luks-uuid-1', 'rd.lvm.vg=g'],
    ]);
  });
});
