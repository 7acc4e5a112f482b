import assert from 'node:assert/strict';
import { saveLog } from '../../src/installer/save-log.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';

/** First bytes of a small FAT, as far as its type is read from them. */
function fat(): Uint8Array {
  const bytes = Buffer.alloc(8192);
  bytes.write('FAT16   ', 54, 'latin1');
  return bytes;
}

function machineWith(volume: Uint8Array | undefined, mounts = '', label = 'OEMDRV'): FakeMachine {
  return fakeMachine({
    files: {
      '/proc/self/mounts': mounts,
      ...(volume === undefined ? {} : { '/dev/vdb': volume }),
    },
    links: volume === undefined ? {} : { [`/dev/disk/by-label/${label}`]: '/dev/vdb' },
    commands: { mkdir: () => '', mount: () => '', umount: () => '' },
  });
}
const TARGET = '/dev/vda2 /mnt/sysroot ext4 rw 0 0\n';

describe('the log of an installation that failed', () => {
  it('is kept on the target when one is mounted', async () => {
    const machine = machineWith(undefined, TARGET);
    assert.deepEqual(await saveLog(machine, ['a', 'b']), ['/var/log/slipway/installer.log of the target']);
    assert.equal(machine.files.get('/mnt/sysroot/var/log/slipway/installer.log'), 'a\nb\n');
  });

  it('is kept on a volume OEMDRV that can be written, which is let go again', async () => {
    const machine = machineWith(fat());
    assert.deepEqual(await saveLog(machine, ['a']), ['slipway-installer.log on the volume OEMDRV']);
    assert.equal(machine.files.get('/run/slipway/log-volume/slipway-installer.log'), 'a\n');
    assert.deepEqual(machine.ran.map(({ file, args }) => [file, ...args].join(' ')).slice(1), [
      'mount -t vfat /dev/vdb /run/slipway/log-volume',
      'umount /run/slipway/log-volume',
    ]);
  });

  it('is kept on a volume that is there for nothing else', async () => {
    const machine = machineWith(fat(), '', 'SLIPWAYLOG');
    assert.deepEqual(await saveLog(machine, ['a']), ['slipway-installer.log on the volume SLIPWAYLOG']);
  });

  it('is not written to a volume of another kind, nor to an empty mount point', async () => {
    const machine = machineWith(Buffer.alloc(8192), '/dev/vda2 /mnt/other ext4 rw 0 0\n');
    assert.deepEqual(await saveLog(machine, ['a']), []);
    assert.deepEqual(machine.written, []);
  });

  it('never hides the failure behind one of its own', async () => {
    const machine = machineWith(fat(), TARGET);
    const broken: FakeMachine = {
      ...machine,
      writeFile: () => Promise.reject(new Error('ENOSPC')),
    };
    assert.deepEqual(await saveLog(broken, ['a']), []);
    assert.equal(machine.ran.at(-1)?.file, 'umount');
  });
});
