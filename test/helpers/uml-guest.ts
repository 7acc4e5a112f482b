/**
 * What runs inside of the User-Mode Linux machine of replace-disk.long.ts: `record` writes down the layout of its disks,
 * `run` takes a disk in. Files of the node lie in the folder that host and guest share.
 */

import { matchLayout } from '../../postinstall/steps/match-layout.ts';
import { passMdGate } from '../../postinstall/steps/pass-md-gate.ts';
import { replaceDisk } from '../../postinstall/steps/replace-disk.ts';
import { localMachine } from '../../src/engine/local-machine.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { runSteps } from '../../src/engine/run-steps.ts';
import { LAYOUT_RECORD_PATH, readLayoutRecord } from '../../src/storage/layout-record.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import { PLAN } from './installed-node.ts';

const SHARE = '/run/share';
const plan = {
  ...PLAN,
  disks: { kind: 'matching', count: 2, match: { minSizeMiB: 60 }, wipe: false },
} as const;

function sharing(inner: Machine): Machine {
  const place = (path: string): string => path.replace(/^\/(?:etc|var\/lib)\/slipway\//, `${SHARE}/`);
  return {
    ...inner,
    readFile: (path) => inner.readFile(place(path)),
    writeFile: (path, content, mode) => inner.writeFile(place(path), content, mode),
    exec(command, onLine) {
      process.stdout.write(`$ ${command.file} ${command.args.join(' ')}\n`);
      return inner.exec(command, onLine);
    },
  };
}

const machine = sharing(localMachine());
if (process.argv[2] === 'record') {
  const record = await recordLayout(machine, plan);
  await machine.writeFile(LAYOUT_RECORD_PATH, JSON.stringify(record));
} else {
  const layout = await readLayoutRecord(machine);
  if (layout === undefined) throw new Error('there is no record');
  const steps = [{ ...replaceDisk, after: [] }, matchLayout, passMdGate];
  const { reports } = await runSteps(steps, machine, { plan, layout, builtAt: 0 });
  for (const report of reports) {
    const why =
      report.outcome === 'failed' ? ` ${report.problem.failureClass}: ${report.problem.message}` : '';
    process.stdout.write(`step ${report.id} ${report.outcome}${why}\n`);
  }
}
