import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingError } from '../../src/errors/exit.ts';
import { CellLog } from '../../src/lab/prove/cell-log.ts';
import { makeRunFolders, requireRunFolders } from '../../src/lab/prove/report-folder.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

describe('the folders of a run', () => {
  it('lose what an earlier run has left, and nothing else', async () => {
    await inTempDir(async (dir) => {
      const [report, work] = [join(dir, 'report'), join(dir, 'report.work')];
      await writeFiles(report, { 'run.json': '{}', 'cells/trap/x.log': '', 'notes.txt': 'mine' });
      await writeFiles(work, { 'computer-1/disk1.raw': '' });
      await requireRunFolders(report, work);
      await makeRunFolders(report, work);
      assert.deepEqual(await readdir(work), []);
      assert.deepEqual((await readdir(report)).sort(), ['notes.txt', 'run.json']);
    });
  });

  for (const file of ['report/cells/a.xls', 'report.work/thesis.txt']) {
    it(`are refused with ${file}, which is of no run`, async () => {
      await inTempDir(async (dir) => {
        await writeFiles(dir, { [file]: 'mine' });
        await assert.rejects(requireRunFolders(join(dir, 'report'), join(dir, 'report.work')), MissingError);
      });
    });
  }
});

describe('the log of a cell', () => {
  it('says in the end what kept it from being written', async () => {
    await inTempDir(async (dir) => {
      await mkdir(join(dir, 'cells/trap/x.log'), { recursive: true });
      const log = await CellLog.open(dir, 'trap/x');
      log.line('GNU GRUB');
      await assert.rejects(log.close(), { code: 'EISDIR' });
    });
  });
});
