import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { buildModel } from '../../src/installer/build-model.ts';
import { guardedMachine } from '../../src/installer/disk-guard.ts';
import { builtDevices } from '../../src/installer/installation.ts';
import { emptyClusteredVolume } from '../../src/installer/steps/empty-clustered-volume.ts';
import { NO_FACTS } from '../../src/installer/storage-facts.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { commandsOf, failure, goodModel, installationOf, modelOf, RAID1 } from '../helpers/installer.ts';

const MIB = 1024 ** 2;
/** Not a whole number of MiB, as an array's size never is. */
const SIZE = 8 * MIB + 4096 + 512;
const CLUSTERED = `${RAID1}part raid.clustered0 --size=64 --ondisk=vda
part raid.clustered1 --size=64 --ondisk=vdb
raid '' --device=clustered --level=1 --fstype=mdmember raid.clustered0 raid.clustered1
`;

/** A machine with what earlier days left on the array: an old file system, and metadata of DRBD at the end. */
function machineWith(content: Uint8Array = Buffer.alloc(SIZE, 0xa5)): FakeMachine {
  return fakeMachine({
    files: {
      '/dev/md127': content,
      '/dev/vda3': '',
      '/sys/class/block/md127/size': `${SIZE / 512}\n`,
      '/sys/block/md127/slaves/vda3': '',
      '/sys/block/vda/diskseq': '7\n',
    },
    links: { '/dev/md/clustered': '/dev/md127' },
    commands: {
      blkdiscard: ({ args }, machine) => {
        const [offset = 0, length = 0] = args.slice(1, 3).map((word) => Number(word.split('=')[1]));
        const bytes = machine.files.get('/dev/md127');
        assert.ok(bytes instanceof Uint8Array);
        bytes.fill(0, offset, offset + length);
        return '';
      },
    },
  });
}

describe('empty-clustered-volume', () => {
  const model = () => goodModel(CLUSTERED);

  it('empties both ends of the clustered volume, and nothing between or elsewhere', async () => {
    const machine = machineWith();
    const installation = installationOf(model());
    assert.equal((await runStep(emptyClusteredVolume, machine, installation)).outcome, 'changed');
    const bytes = machine.files.get('/dev/md127');
    assert.ok(bytes instanceof Uint8Array);
    const isEmpty = (from: number, to: number) => bytes.subarray(from, to).every((byte) => byte === 0);
    assert.ok(isEmpty(0, MIB) && isEmpty(SIZE - MIB, SIZE));
    assert.ok(bytes.subarray(MIB, SIZE - MIB - 4096).every((byte) => byte === 0xa5));
    assert.deepEqual(
      machine.ran.map(({ file, args, effect }) => [file, args.at(-1), effect]),
      Array.from({ length: 2 }, () => ['blkdiscard', '/dev/md/clustered', 'write']),
    );
    assert.equal((await runStep(emptyClusteredVolume, machine, installation)).outcome, 'already-done');
  });

  it('does not take the zeros of another day for its own', async () => {
    const machine = machineWith(Buffer.alloc(SIZE));
    assert.equal((await runStep(emptyClusteredVolume, machine, installationOf(model()))).outcome, 'changed');
  });

  it('sees a device that does not become empty', async () => {
    const machine = machineWith();
    const lying = { ...machine, exec: async () => ({ stdout: '', stderr: '', exitCode: 0, durationMs: 1 }) };
    assert.equal(
      failure(await runStep(emptyClusteredVolume, lying, installationOf(model()))),
      'verify-failed: applied, but still: /dev/md/clustered holds something at byte 0',
    );
  });

  it('has nothing to do on any other node', async () => {
    const machine = machineWith();
    const installation = installationOf(goodModel(RAID1));
    assert.equal((await runStep(emptyClusteredVolume, machine, installation)).outcome, 'already-done');
    assert.deepEqual(machine.ran, []);
  });

  it('is stopped by the guard of all writes before a disk that is not released', async () => {
    const installation = installationOf(model());
    const built = builtDevices(installation.model);
    const guarded = (name: string, incarnation: string) =>
      guardedMachine(machineWith(), [{ name, incarnation }], built);
    const refused = /refused-foreign-data: blkdiscard was about to write to .*vda3/;
    assert.match(
      failure(await runStep(emptyClusteredVolume, guarded('vdb', 'diskseq 7'), installation)),
      refused,
    );
  });
});

describe('the clustered volume of a kickstart', () => {
  const devices = (text: string) => modelOf(text).model.unformatted;

  it('is what a node of the medium makes and leaves unformatted', () => {
    assert.deepEqual(devices(CLUSTERED), ['/dev/md/clustered']);
    assert.deepEqual(devices(RAID1), []);
    assert.deepEqual(
      devices(`zerombr
ignoredisk --only-use=vda
clearpart --all --drives=vda --initlabel
part biosboot --size=1 --ondisk=vda
part / --size=1024 --ondisk=vda
part None --size=64 --fstype=mdmember --ondisk=vda
`),
      ['/dev/vda3'],
    );
  });

  it('is nothing of a kickstart that is not of the medium: nobody said that it may be emptied', () => {
    const disk = (name: string) => ({
      name: name.replace('/dev/', ''),
      sizeBytes: 8192 * MIB,
      sectorBytes: 512,
    });
    const { model } = buildModel(commandsOf(CLUSTERED), disk, { ...NO_FACTS, own: false });
    assert.deepEqual(model.unformatted, []);
  });

  it('is not emptied where it was there before', () => {
    for (const option of ['--useexisting', '--noformat'])
      assert.deepEqual(devices(CLUSTERED.replace('--device=clustered', `--device=clustered ${option}`)), []);
    assert.deepEqual(
      devices(CLUSTERED.replace('part raid.clustered0', 'part None --onpart=vdb9 --fstype=mdmember')).filter(
        (device) => device.includes('vdb9'),
      ),
      [],
    );
  });
});
