import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { installerLog, logVolume, makeLogVolume, readLogVolume } from '../../src/lab/log-volume.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();

describe('the stick for the log of an installation', () => {
  it('gives back what was left on it, and says when that is nothing', async () => {
    await inTempDir(async (dir) => {
      const console = join(dir, 'console.log');
      const [image, log] = [logVolume(console), installerLog(console)];
      await makeLogVolume(exec, image);
      const { stdout } = await exec({
        file: 'blkid',
        args: ['-o', 'value', '-s', 'LABEL', image],
        effect: 'read',
      });
      assert.equal(stdout, 'SLIPWAYLOG\n');
      assert.equal(await readLogVolume(exec, image, log), false);
      const left = join(dir, 'left');
      await writeFile(left, 'no space left on /mnt/sysroot\n');
      await exec({ file: 'mcopy', args: ['-i', image, left, '::slipway-installer.log'], effect: 'write' });
      assert.equal(await readLogVolume(exec, image, log), true);
      assert.equal(await readFile(log, 'utf8'), 'no space left on /mnt/sysroot\n');
    });
  });
});
