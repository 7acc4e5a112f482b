import assert from 'node:assert/strict';
import { explainFailure } from '../../src/installer/explain-failure.ts';
import { incarnation } from '../../src/storage/block-devices.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const ANEW = 'then start the installation again: it begins anew';
const machine = fakeMachine({
  files: { '/sys/block/vda/diskseq': '1\n', '/sys/block/vdb/diskseq': '2\n', '/sys/block/vdb/size': '9\n' },
});
const released = await Promise.all(
  ['vda', 'vdb'].map(async (name) => ({ name, incarnation: await incarnation(machine, name) })),
);
const failed = (message: string, remedy?: string) =>
  ({ failureClass: 'verify-failed', message, ...(remedy === undefined ? {} : { remedy }) }) as const;

const TOO_SMALL = ['config-invalid', /^make the file system larger; /] as const;

describe('what is behind a failure', () => {
  for (const [title, message, failureClass, remedy] of [
    ['a full file system, by Node', 'ENOSPC: no space left on device, write', ...TOO_SMALL],
    [
      'a full file system, by a program',
      'cp ended with exit code 1: cp: error writing: No space left on device',
      ...TOO_SMALL,
    ],
    [
      'a full file system, by rpm',
      'rpm ended with exit code 1: installing package a needs 12MB more space on the / filesystem',
      ...TOO_SMALL,
    ],
    [
      'a disk that fails',
      'mkfs.ext4 ended with exit code 1: Input/output error while writing',
      'verify-failed',
      /^dmesg says which disk fails; /,
    ],
    [
      'a program that fails',
      'mkfs.ext4 ended with exit code 1: Invalid filesystem option set: x',
      'verify-failed',
      /^the log has all that was run and said; /,
    ],
  ] as const) {
    it(`is ${title}`, async () => {
      const problem = await explainFailure(machine, released, failed(message));
      assert.deepEqual([problem.failureClass, problem.message], [failureClass, message]);
      assert.match(problem.remedy ?? '', remedy);
      assert.ok(problem.remedy?.endsWith(ANEW));
    });
  }

  it('is not guessed where the failure says what to do', async () => {
    const problem = failed('No space left on device', 'make / larger');
    assert.deepEqual(await explainFailure(machine, released, problem), problem);
  });

  it('is a disk that went away, whatever else is said', async () => {
    const gone = fakeMachine({ files: { '/sys/block/vda/diskseq': '1\n' } });
    assert.deepEqual(
      await explainFailure(gone, released, failed('array root consists of /dev/vda3', 'see mdstat')),
      {
        failureClass: 'verify-failed',
        message: 'vdb went away during the installation: array root consists of /dev/vda3',
        remedy: `look at cables, power and controllers, and at dmesg; ${ANEW}`,
      },
    );
  });

  it('is what it was when the disks cannot be asked', async () => {
    const dead = { ...machine, readFile: () => Promise.reject(new Error('EIO')) };
    assert.equal((await explainFailure(dead, released, failed('x'))).message, 'x');
  });
});
