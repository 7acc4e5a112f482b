/** The fast loop: from an edited step to nodes that have verified it. One run of each, on one lab of two nodes. */
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { withTempDir } from '../../src/host/atomic.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { buildProgram } from '../../test/helpers/build-program.ts';
import { LIMIT } from '../../test/helpers/qemu.ts';
import { type Row, secondsSince } from './row.ts';

const BAR = { running: 20, fresh: 180 } as const;

export const benchApply = (exec: Exec): Promise<readonly Row[]> =>
  benchApplyTo('ha-pair.yaml', join(packageRoot(), 'examples'), exec);

/** `folder` holds the spec, and the step `motd` below `steps/`. */
export function benchApplyTo(spec: string, folder: string, exec: Exec): Promise<readonly Row[]> {
  return withTempDir(async (out) => {
    const own = join(out, 'spec');
    await cp(folder, own, { recursive: true });
    const run = (...args: readonly string[]) =>
      exec({
        file: process.execPath,
        args: ['lib/cli.js', 'lab', ...args, '--dir', join(out, 'lab')],
        cwd: packageRoot(),
        effect: 'write',
        timeoutMs: LIMIT.build + 2 * LIMIT.installed + LIMIT.settled,
      });
    const edited = async (...options: readonly string[]): Promise<number> => {
      await appendFile(join(own, 'steps/motd/apply'), '# edited\n');
      const begun = performance.now();
      await run('apply', ...options);
      return secondsSince(begun);
    };
    await buildProgram(exec);
    try {
      await run('up', join(own, spec), '--out', out);
      const emulated = await edited();
      const fresh = await edited('--fresh');
      const uml = await edited();
      return [
        {
          name: 'edited step, two emulated nodes',
          value: emulated,
          unit: 's',
          bar: BAR.running,
          note: 'package rebuilt, nodes upgraded, every step of both verified again',
        },
        {
          name: 'edited step, two nodes on User-Mode Linux',
          value: uml,
          unit: 's',
          bar: BAR.running,
          note: 'the same, on their installed disks',
        },
        {
          name: 'edited step, freshly installed nodes',
          value: fresh,
          unit: 's',
          bar: BAR.fresh,
          note: 'from the snapshots to every step verified, on User-Mode Linux; about 30 min in 2007',
        },
      ];
    } finally {
      await run('down');
    }
  });
}
