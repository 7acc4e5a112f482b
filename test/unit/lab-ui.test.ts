import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/host/package-root.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

describe('the page of a lab of which a node has failed', () => {
  /** As `slipway lab up --ui` does when the nodes are settled. */
  const program = `
    import { keepShowing } from '${packageRoot()}/src/commands/lab-ui.ts';
    import { outcomeOf } from '${packageRoot()}/src/commands/outcome.ts';
    import { FailedError } from '${packageRoot()}/src/errors/exit.ts';
    import { interruption } from '${packageRoot()}/src/host/signals.ts';
    const page = { close: async () => console.log('closed') };
    const folder = { keeper: async () => (console.log('looked'), { pid: 1, startedAt: 1 }) };
    await keepShowing(page, folder, interruption());
    process.exitCode = outcomeOf(new FailedError('node-a is failed')).exitCode;`;

  it('ends by Ctrl-C with what came of the lab', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 'main.mts': program });
      const ended = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
        const child = execFile(
          process.execPath,
          ['--import', join(packageRoot(), 'node_modules/tsx/dist/esm/index.mjs'), join(dir, 'main.mts')],
          (error, stdout) => resolve({ code: error?.code, stdout }),
        );
        child.stdout?.once('data', () => child.kill('SIGINT'));
      });
      assert.match(ended.stdout, /^(?:looked\n)+closed\n$/);
      assert.equal(ended.code, 3);
    });
  });
});
